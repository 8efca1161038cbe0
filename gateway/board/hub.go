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

// hub numbers the changes of a course's seats, so that a page that has seen some
// is sent the others only, however many pages there are and whenever they come.
type hub struct {
	mu sync.Mutex
	// epoch names this sequence of changes, and where the seats are. A new one
	// begins when seats come, go or move: pages then load all anew.
	epoch string
	seq   int
	seats map[string]numbered
}

type numbered struct {
	seat Seat
	seq  int
}

// snapshot is what a hub held at one moment.
type snapshot struct {
	epoch string
	seq   int
	seats []Seat
	// changes are those after the position asked about.
	changes []Seat
}

// id is what a page says it has seen.
func (s snapshot) id() string { return s.epoch + "." + strconv.Itoa(s.seq) }

// refresh takes in the present carrels, and tells what changed after a position
// of the same epoch. It reads them itself, so that what one page has read before
// does not come after what another has.
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

// ofEpoch is how many bytes of an epoch's name tell it from others, and how many say
// where its seats are.
const ofEpoch = 3

func newEpoch(seats []Seat) string {
	var name [ofEpoch]byte
	_, _ = rand.Read(name[:]) // it never fails
	layout := sha256.New()
	for _, s := range seats {
		fmt.Fprintf(layout, "%q %q\n", s.Name, s.Section)
	}
	return hex.EncodeToString(layout.Sum(name[:])[:2*ofEpoch])
}

// sameLayout reports whether the seats of two epochs are in the same places, as those
// of two replicas.
func sameLayout(one, other string) bool {
	const at = 2 * ofEpoch // in hex
	return len(one) == 2*at && len(other) == 2*at && one[at:] == other[at:]
}

// position reads what a page says it has seen.
func position(id string) (epoch string, seq int, err error) {
	epoch, number, found := strings.Cut(id, ".")
	if !found || len(id) > 64 {
		return "", 0, fmt.Errorf("%.64q is no position", id)
	}
	seq, err = strconv.Atoi(number)
	return epoch, seq, err
}

// hubs are those of all courses anybody looked at.
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

// keep forgets the courses that are no more.
func (h *hubs) keep(courses map[string]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for course := range h.byCourse {
		if !courses[course] {
			delete(h.byCourse, course)
		}
	}
}
