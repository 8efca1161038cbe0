package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/controller/userland"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// model is a carrel that is settled, as etcd stores it.
type model struct {
	name    string
	objects []keyValue
	// uids are those in its objects that are in no other model's.
	uids []string
	// intents are what the controller meant its objects to be. An object has a digest of
	// its intent as an annotation.
	intents [][]byte
}

// Copy creates the carrels of the Userlands from number models to number count-1 as
// copies of those below models, which must be settled. It writes to etcd what the API
// server would: ten thousand carrels take 150,000 requests otherwise. Names and UIDs
// have the same length in each copy, so that the encoded objects need not be read.
func (p *ControlPlane) Copy(ctx context.Context, models, count int) error {
	all, err := p.models(ctx, models)
	if err != nil {
		return err
	}
	writers, ctx := errgroup.WithContext(ctx)
	writers.SetLimit(copiers)
	for number := models; number < count && ctx.Err() == nil; number++ {
		// Objects in the cache share their equal parts, and the times of neighbours are
		// seldom equal: neighbours are copies of different models.
		writers.Go(func() error { return p.put(ctx, all[number%models].copy(Userland(number).Name)) })
	}
	return writers.Wait()
}

// copiers bounds the requests to etcd at once.
const copiers = 8

func (p *ControlPlane) models(ctx context.Context, count int) ([]model, error) {
	stored, err := p.stored(ctx)
	if err != nil {
		return nil, err
	}
	c, err := p.Client()
	if err != nil {
		return nil, err
	}
	all, seen := make([]model, count), map[string]int{}
	for number := range all {
		m := &all[number]
		m.name = Userland(number).Name
		for _, object := range stored {
			if strings.Contains(string(object.Key), "/"+Course+"/"+m.name) && !strings.HasPrefix(string(object.Key), "/registry/events/") {
				m.objects = append(m.objects, object)
			}
		}
		m.uids = m.findUIDs()
		for _, uid := range m.uids {
			seen[uid]++
		}
		if m.intents, err = intents(ctx, c, number); err != nil {
			return nil, err
		}
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("Userland %d: %w", number, err)
		}
	}
	for number := range all {
		own := all[number].uids[:0]
		for _, uid := range all[number].uids {
			if seen[uid] == 1 {
				own = append(own, uid)
			}
		}
		all[number].uids = own
	}
	return all, nil
}

var uidPattern = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

func (m *model) findUIDs() (uids []string) {
	found := map[string]bool{}
	for _, object := range m.objects {
		for _, uid := range uidPattern.FindAll(object.Value, -1) {
			if !found[string(uid)] {
				found[string(uid)] = true
				uids = append(uids, string(uid))
			}
		}
	}
	return uids
}

// intents asks the controller's own code what it means the objects of a Userland to be.
func intents(ctx context.Context, c client.Client, number int) ([][]byte, error) {
	u := Userland(number)
	if err := c.Get(ctx, client.ObjectKeyFromObject(u), u); err != nil {
		return nil, fmt.Errorf("read Userland %d: %w", number, err)
	}
	world, err := userland.NewObserver(c, clock.RealClock{}).Observe(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("observe Userland %d: %w", number, err)
	}
	decided := lifecycle.Decide(world).Objects
	deployment, err := json.Marshal(decided.Deployment)
	if err != nil {
		return nil, err
	}
	service, err := json.Marshal(decided.Service)
	return [][]byte{deployment, service}, err
}

// digest computes the digest that kube.Ensure computes.
func digest(intent []byte) string {
	sum := sha256.Sum256(intent)
	return hex.EncodeToString(sum[:8])
}

// check returns an error unless the objects have the digests of the intents.
func (m *model) check() error {
	for _, intent := range m.intents {
		if !bytes.Contains(bytes.Join(m.values(), nil), []byte(digest(intent))) {
			return fmt.Errorf("no object has the digest %s of the intent %s", digest(intent), intent)
		}
	}
	return nil
}

func (m *model) values() (all [][]byte) {
	for _, object := range m.objects {
		all = append(all, object.Value)
	}
	return all
}

// copy returns the objects of the same carrel for another Userland.
func (m *model) copy(name string) []keyValue {
	renames := []string{m.name, name}
	for _, uid := range m.uids {
		renames = append(renames, uid, string(uuid.NewUUID()))
	}
	renamed := strings.NewReplacer(renames...)
	for _, intent := range m.intents {
		renames = append(renames, digest(intent), digest([]byte(renamed.Replace(string(intent)))))
	}
	renamed = strings.NewReplacer(renames...)
	copied := make([]keyValue, 0, len(m.objects))
	for _, object := range m.objects {
		copied = append(copied, keyValue{[]byte(renamed.Replace(string(object.Key))), []byte(renamed.Replace(string(object.Value)))})
	}
	return copied
}

// keyValue is a key of etcd with its value.
type keyValue struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value"`
}

// stored returns what the API server has stored.
func (p *ControlPlane) stored(ctx context.Context) ([]keyValue, error) {
	const prefix, end = "/registry/", "/registry0"
	var answer struct {
		KVs []keyValue `json:"kvs"`
	}
	err := p.etcd(ctx, "range", map[string]any{"key": []byte(prefix), "range_end": []byte(end)}, &answer)
	return answer.KVs, err
}

// put writes the objects of a carrel at once.
func (p *ControlPlane) put(ctx context.Context, objects []keyValue) error {
	type operation struct {
		Put keyValue `json:"requestPut"`
	}
	var operations []operation
	for _, object := range objects {
		operations = append(operations, operation{object})
	}
	return p.etcd(ctx, "txn", map[string]any{"success": operations}, &struct{}{})
}

// etcd calls a method of etcd's JSON interface.
func (p *ControlPlane) etcd(ctx context.Context, method string, question, answer any) error {
	data, err := json.Marshal(question)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.server.Etcd+"/v3/kv/"+method, bytes.NewReader(data))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("ask etcd: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask etcd: %w", errors.New(response.Status))
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
