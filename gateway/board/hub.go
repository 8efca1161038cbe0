package board

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/carrel-dev/carrel/gateway/directory"
)

// hub numbers the changes of a course's seats. A page names the number up to which it has
// seen changes, and is sent the later ones. The hub keeps nothing for each page.
type hub struct {
	mu sync.Mutex
	// epoch names the present sequence of numbers, and the layout of the seats. A new
	// epoch begins when a seat comes, goes or moves. Pages then reload.
	epoch string
	seq   int
	seats map[string]numbered
}

// numbered is a seat with the number of its latest change.
type numbered struct {
	seat Seat
	seq  int
}

// snapshot is the state of a hub at one moment.
type snapshot struct {
	epoch string
	seq   int
	seats []Seat
	// changes holds the seats that changed after a given position.
	changes []Seat
}

// id returns the position of the snapshot, which a page repeats when it asks for changes.
func (s snapshot) id() string { return s.epoch + "." + strconv.Itoa(s.seq) }

// refresh numbers the changes since the last call, and returns those after a position of
// the present epoch. It calls read under its lock, so that an older reading never
// replaces a newer one.
func (h *hub) refresh(read func() []directory.Carrel, after int) snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	carrels := read()
	seats := make([]Seat, len(carrels))
	moved := len(carrels) != len(h.seats)
	for i, c := range carrels {
		seats[i] = seatOf(c)
		known, found := h.seats[c.Name]
		moved = moved || !found || known.seat.Section != seats[i].Section
	}
	if moved || h.epoch == "" {
		h.epoch, h.seq, h.seats = newEpoch(seats), 0, make(map[string]numbered, len(seats))
	}
	next := h.seq + 1
	for _, s := range seats {
		if known, found := h.seats[s.Name]; !found || known.seat != s {
			h.seats[s.Name], h.seq = numbered{s, next}, next
		}
	}
	now := snapshot{epoch: h.epoch, seq: h.seq, seats: seats}
	for _, s := range seats {
		if h.seats[s.Name].seq > after {
			now.changes = append(now.changes, s)
		}
	}
	return now
}

// ofEpoch is the length of each half of an epoch's name, in bytes: a random one, and a
// hash of the layout of the seats.
const ofEpoch = 3

func newEpoch(seats []Seat) string {
	var name [ofEpoch]byte
	_, _ = rand.Read(name[:]) // never fails
	layout := sha256.New()
	for _, s := range seats {
		fmt.Fprintf(layout, "%q %q\n", s.Name, s.Section)
	}
	return hex.EncodeToString(layout.Sum(name[:])[:2*ofEpoch])
}

// sameLayout reports whether the seats of two epochs are in the same places. This is so
// for the epochs of two replicas.
func sameLayout(one, other string) bool {
	const at = 2 * ofEpoch // in hex
	return len(one) == 2*at && len(other) == 2*at && one[at:] == other[at:]
}

// position parses the id of a snapshot.
func position(id string) (epoch string, seq int, err error) {
	epoch, number, found := strings.Cut(id, ".")
	if !found || len(id) > 64 {
		return "", 0, fmt.Errorf("%.64q is no position", id)
	}
	seq, err = strconv.Atoi(number)
	return epoch, seq, err
}

// hubs holds the hub of each course whose board was opened.
type hubs struct {
	mu       sync.Mutex
	byCourse map[string]*hub
}

func (h *hubs) of(course string) *hub {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byCourse == nil {
		h.byCourse = map[string]*hub{}
	}
	if h.byCourse[course] == nil {
		h.byCourse[course] = &hub{}
	}
	return h.byCourse[course]
}

// keep drops the courses that are not in the map.
func (h *hubs) keep(courses map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for course := range h.byCourse {
		if !courses[course] {
			delete(h.byCourse, course)
		}
	}
}
