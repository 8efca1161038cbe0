// Package volume decides whose a volume is, which one of several counts, and until
// when a volume that nobody uses is kept. It is pure: the time is an argument.
package volume

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// A Carrel is one Userland of a person, as far as its volumes are concerned.
type Carrel struct {
	Userland *v1alpha1.Userland
	// Template is the name of the Template that it follows.
	Template string
	// Volumes are the names of the volumes that it has or would be given.
	Volumes []string
	// Mounted names, by volume, the claims that its Deployment mounts.
	Mounted map[string]string
	// Ready is set if a pod is ready with the claims mounted.
	Ready bool
}

// Place names a volume of a Userland, for which a claim is used.
type Place struct {
	Userland, Volume string
}

// Assignment says what becomes of the claims of a person. Each claim given is one of
// those passed to Assign, not a copy.
type Assignment struct {
	// Given holds the claim that counts for each place, and nil if a fresh one is to be
	// created. It does not hold places that are undecided.
	Given map[Place]*corev1.PersistentVolumeClaim
	// Undecided holds, for each place that is undecided, why a person must decide.
	Undecided map[Place]*UndecidedError
	// Open holds the claims that are neither attached nor dated until a person has decided.
	Open []*corev1.PersistentVolumeClaim
	// Unneeded holds the claims that no place needs and no Deployment mounts.
	Unneeded []*corev1.PersistentVolumeClaim
}

// Assign decides which claims the carrels of one person are given. The carrels are all
// those whose users roster.Person does not distinguish, and the claims all those of that
// person, and those that the Deployments of the carrels mount. The strangers are the
// Userlands of other people; only those matter that a label of a claim names. The rules
// are those of docs/decisions/0016-whose-a-volume-is.md.
func Assign(carrels []Carrel, claims []corev1.PersistentVolumeClaim, strangers []v1alpha1.Userland) Assignment {
	s := scene{carrels: slices.Clone(carrels), claims: claims}
	slices.SortFunc(s.carrels, func(a, b Carrel) int { return cmp.Compare(a.Userland.Name, b.Userland.Name) })
	a := Assignment{Given: map[Place]*corev1.PersistentVolumeClaim{}, Undecided: map[Place]*UndecidedError{}}
	open := map[*corev1.PersistentVolumeClaim]bool{}
	for _, c := range s.carrels {
		for _, name := range c.Volumes {
			at := Place{c.Userland.Name, name}
			found := s.candidates(c, name)
			best, equal := first(c, found)
			others := s.ofOtherSpelling(c, name)
			switch {
			case len(equal) > 0:
				a.Undecided[at] = &UndecidedError{Namespace: c.Userland.Namespace, At: at, Places: []Place{at}, Claims: equal}
				open = with(open, found)
			case len(found) == 0 && len(others) > 0:
				a.Undecided[at] = &UndecidedError{Namespace: c.Userland.Namespace, At: at, Places: []Place{at}, Claims: others, Spelling: c.Userland.User()}
				open = with(open, others)
			default:
				a.Given[at] = best
			}
		}
	}
	for claim, places := range a.contested() {
		for _, at := range places {
			delete(a.Given, at)
			a.Undecided[at] = &UndecidedError{Namespace: claim.Namespace, At: at, Places: places, Claims: []*corev1.PersistentVolumeClaim{claim}}
		}
		open[claim] = true
	}
	s.rest(&a, open, strangers)
	return a
}

// scene holds the carrels and the claims of one person.
type scene struct {
	// carrels are in the order of their names.
	carrels []Carrel
	claims  []corev1.PersistentVolumeClaim
}

// candidates returns the claims that may count for a volume of a carrel.
func (s scene) candidates(c Carrel, volume string) (found []*corev1.PersistentVolumeClaim) {
	settled := slices.ContainsFunc(s.claims, func(claim corev1.PersistentVolumeClaim) bool {
		return claim.Name == c.Mounted[volume] && attached(&claim)
	})
	for i := range s.claims {
		claim := &s.claims[i]
		if !c.isFor(claim, volume) || !s.isOf(c, claim) {
			continue
		}
		holders := s.holders(claim)
		switch {
		case len(holders) > 0:
			if slices.Contains(holders, c.Userland.Name) {
				found = append(found, claim)
			}
		case claim.DeletionTimestamp != nil:
		case settled && restoredAt(claim) == "":
			// The claim was another carrel's, and this carrel has work of its own.
		case s.alone(c) || c.follows(claim):
			found = append(found, claim)
		}
	}
	return found
}

// isFor reports whether a claim is for the volume.
func (c Carrel) isFor(claim *corev1.PersistentVolumeClaim, volume string) bool {
	return claim.Annotations[v1alpha1.VolumeAnnotation] == volume || c.Mounted[volume] == claim.Name
}

// isOf reports whether a claim belongs to the user of a carrel. The case of the login
// counts only if the course has several spellings of it.
func (s scene) isOf(c Carrel, claim *corev1.PersistentVolumeClaim) bool {
	user, owner := c.Userland.User(), OwnerOf(claim)
	return owner == user || roster.Person(owner) == roster.Person(user) && !s.ambiguous()
}

// ambiguous reports whether the carrels spell the login in several ways.
func (s scene) ambiguous() bool {
	return slices.ContainsFunc(s.carrels, func(other Carrel) bool { return other.Userland.User() != s.carrels[0].Userland.User() })
}

// alone reports whether the user has no other carrel.
func (s scene) alone(c Carrel) bool {
	return !slices.ContainsFunc(s.carrels, func(other Carrel) bool {
		return other.Userland.Name != c.Userland.Name && other.Userland.User() == c.Userland.User()
	})
}

// holders returns the names of the carrels that have a claim. These are the carrels whose
// Deployments mount it. If there are none, it is the user's carrel that its label names.
func (s scene) holders(claim *corev1.PersistentVolumeClaim) (names []string) {
	for _, c := range s.carrels {
		if c.mounts(claim) {
			names = append(names, c.Userland.Name)
		}
	}
	if len(names) > 0 {
		return names
	}
	for _, c := range s.carrels {
		if c.labels(claim) && s.isOf(c, claim) {
			names = append(names, c.Userland.Name)
		}
	}
	return names
}

func (c Carrel) mounts(claim *corev1.PersistentVolumeClaim) bool {
	for _, name := range c.Mounted {
		if name == claim.Name {
			return true
		}
	}
	return false
}

func (c Carrel) labels(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Labels[v1alpha1.UserlandLabel] == c.Userland.Name
}

// follows reports whether a carrel follows the Template for which a claim was last
// used. A claim that records none may have been used for any.
func (c Carrel) follows(claim *corev1.PersistentVolumeClaim) bool {
	template := claim.Annotations[v1alpha1.ClaimTemplateAnnotation]
	return template == c.Template || template == ""
}

// ofOtherSpelling returns the claims with work that may be the user's although they
// spell the login in another way, since both spellings are in the course. A claim about
// which a person decided belongs to the spelling that it records.
func (s scene) ofOtherSpelling(c Carrel, volume string) (found []*corev1.PersistentVolumeClaim) {
	for i := range s.claims {
		claim := &s.claims[i]
		other := roster.Person(OwnerOf(claim)) == roster.Person(c.Userland.User()) && !s.isOf(c, claim)
		if other && c.isFor(claim, volume) && attached(claim) && restoredAt(claim) == "" {
			found = append(found, claim)
		}
	}
	return found
}

// contested returns the claims that several places are given, with these places. If such a
// claim has no work, contested leaves it to the first place, and gives the others fresh
// claims.
func (a Assignment) contested() map[*corev1.PersistentVolumeClaim][]Place {
	places := map[*corev1.PersistentVolumeClaim][]Place{}
	for at, claim := range a.Given {
		if claim != nil {
			places[claim] = append(places[claim], at)
		}
	}
	for claim, wanted := range places {
		slices.SortFunc(wanted, func(x, y Place) int {
			return cmp.Or(cmp.Compare(x.Userland, y.Userland), cmp.Compare(x.Volume, y.Volume))
		})
		if len(wanted) > 1 && (attached(claim) || act(claim) != "") {
			continue
		}
		for _, at := range wanted[1:] {
			a.Given[at] = nil
		}
		delete(places, claim)
	}
	return places
}

// rest sorts the claims that no place is given. A claim of somebody who is not in the
// course is open while its label names the Userland of another person: a wrong login is
// more likely than a name that is used again. What was promised before stands.
func (s scene) rest(a *Assignment, open map[*corev1.PersistentVolumeClaim]bool, strangers []v1alpha1.Userland) {
	given := map[*corev1.PersistentVolumeClaim]bool{}
	for _, claim := range a.Given {
		given[claim] = true
	}
	for i := range s.claims {
		claim := &s.claims[i]
		_, promised := claim.Labels[v1alpha1.KeepUntilLabel]
		usurped := len(s.carrels) == 0 && !promised && slices.ContainsFunc(strangers, func(u v1alpha1.Userland) bool {
			return u.Name == claim.Labels[v1alpha1.UserlandLabel] && roster.Person(u.User()) != roster.Person(OwnerOf(claim))
		})
		switch {
		case given[claim], slices.ContainsFunc(s.carrels, func(c Carrel) bool { return c.mounts(claim) }):
		case open[claim], usurped:
			a.Open = append(a.Open, claim)
		default:
			a.Unneeded = append(a.Unneeded, claim)
		}
	}
}

func with(set map[*corev1.PersistentVolumeClaim]bool, more ...[]*corev1.PersistentVolumeClaim) map[*corev1.PersistentVolumeClaim]bool {
	for _, claims := range more {
		for _, claim := range claims {
			set[claim] = true
		}
	}
	return set
}
