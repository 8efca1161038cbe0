package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/gateway/request"
)

func newVolumesCommand() *cobra.Command {
	f := &clusterFlags{}
	command := &cobra.Command{
		Use:   "volumes [COURSE]",
		Short: "List the volumes that no carrel uses, keep them, or let them go",
		Long: `Volumes lists the volumes that no carrel uses, of all courses or of COURSE: whose each one is, since when it is
not in use, until when it is kept, and what happens next. Those to be deleted first come first. A volume that no pod
ever ran with has no date: it is listed as never used, and stays until it is let go. Carrels whose volumes are
undecided follow, with the command that decides. It takes the ClusterRole carrel-staff in the course.

Its commands write a request to the Course, which the controller handles.`,
		Example: `  carrel volumes
  carrel volumes prog1
  carrel volumes keep prog1 21t0042 --until=2027-03-31
  carrel volumes let-go prog1 21t0042`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			return writeVolumes(command.Context(), c, args, time.Now(), command.OutOrStdout())
		},
	}
	f.add(command)
	command.AddCommand(newKeepCommand(), newLetGoCommand())
	return command
}

// idleVolumes holds the volumes of a course that no carrel uses.
type idleVolumes struct {
	course v1alpha1.Course
	zone   *time.Location
	kept   []volume.Kept
	// here has the logins of the people in the course, as roster.Person returns them.
	here      map[string]bool
	undecided []v1alpha1.Userland
}

// readVolumes reads the volumes of a course that no carrel uses.
func readVolumes(ctx context.Context, c client.Client, name string) (*idleVolumes, error) {
	v := &idleVolumes{here: map[string]bool{}}
	if err := c.Get(ctx, client.ObjectKey{Namespace: name, Name: name}, &v.course); err != nil {
		return nil, fmt.Errorf("read the course %s: %w", name, err)
	}
	v.zone = timetable.ZoneOf(&v.course)
	var claims corev1.PersistentVolumeClaimList
	switch err := c.List(ctx, &claims, client.InNamespace(name), client.HasLabels{v1alpha1.KeepUntilLabel}); {
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("list the volumes of %s: %w: the ClusterRole carrel-staff, bound in the course, allows it", name, err)
	case err != nil:
		return nil, fmt.Errorf("list the volumes of %s: %w", name, err)
	}
	for i := range claims.Items {
		if k, dated := volume.KeptOf(&claims.Items[i]); dated {
			v.kept = append(v.kept, k)
		}
	}
	slices.SortFunc(v.kept, volume.Kept.Compare)
	var userlands v1alpha1.UserlandList
	if err := c.List(ctx, &userlands, client.InNamespace(name)); err != nil {
		return nil, fmt.Errorf("list the carrels of %s: %w", name, err)
	}
	if err := v.readNeverUsed(ctx, c, userlands.Items); err != nil {
		return nil, err
	}
	for _, u := range userlands.Items {
		v.here[roster.Person(u.User())] = true
		ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
		if ready != nil && ready.Reason == v1alpha1.VolumeUndecidedReason {
			v.undecided = append(v.undecided, u)
		}
	}
	return v, nil
}

// readNeverUsed adds the volumes that were never used. No label marks them, so all claims
// are read, and only if the Course counts more volumes than have a date.
func (v *idleVolumes) readNeverUsed(ctx context.Context, c client.Client, userlands []v1alpha1.Userland) error {
	if counts := v.course.Status.Volumes; counts == nil || int(counts.Kept) <= len(v.kept) {
		return nil
	}
	var claims corev1.PersistentVolumeClaimList
	err := c.List(ctx, &claims, client.InNamespace(v.course.Namespace), client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})
	if err != nil {
		return fmt.Errorf("list the claims of %s: %w", v.course.Name, err)
	}
	v.kept = append(v.kept, volume.NeverUsed(&v.course, userlands, claims.Items)...)
	return nil
}

// writeVolumes lists the volumes of one course, or of all, that no carrel uses.
func writeVolumes(ctx context.Context, c client.Client, named []string, now time.Time, out io.Writer) error {
	if len(named) == 0 {
		var courses v1alpha1.CourseList
		if err := c.List(ctx, &courses); err != nil {
			return fmt.Errorf("list the courses: %w", err)
		}
		for _, course := range courses.Items {
			named = append(named, course.Namespace)
		}
	}
	found := false
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	undecided := &strings.Builder{}
	for _, name := range named {
		v, err := readVolumes(ctx, c, name)
		if err != nil {
			return err
		}
		for _, k := range v.kept {
			if !found {
				fmt.Fprintln(table, "COURSE\tUSER\tVOLUME\tSIZE\tCLAIM\tUNUSED SINCE\tKEPT UNTIL\tNEXT")
				found = true
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, cmp.Or(k.User, "-"), cmp.Or(k.Volume, "-"), k.Size, k.Claim,
				v.since(k), v.time(k.Until, "for ever"), v.next(k, now))
		}
		for i := range v.undecided {
			u := &v.undecided[i]
			fmt.Fprintf(undecided, "\nundecided: %s (carrel %s of %s)\n    %s\n", u.User(), u.Name, name, meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition).Message)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	text := undecided.String()
	if !found {
		text = "every volume is in use\n" + text
	}
	_, err := io.WriteString(out, text)
	return err
}

// time formats a time in the zone of the course; zero has a text of its own.
func (v *idleVolumes) time(at time.Time, zero string) string {
	if at.IsZero() {
		return zero
	}
	return at.In(v.zone).Format("2006-01-02 15:04 MST")
}

// since says since when no carrel uses a volume.
func (v *idleVolumes) since(k volume.Kept) string {
	if k.NeverUsed {
		return "never used"
	}
	return v.time(k.Since, "-")
}

// next says what happens to a volume next.
func (v *idleVolumes) next(k volume.Kept, now time.Time) string {
	expiring := meta.FindStatusCondition(v.course.Status.Conditions, v1alpha1.WorkExpiringCondition)
	left := k.Until.Sub(now)
	asked, waits := k.Asked(v.course.Status.Requests)
	switch {
	case waits && v.course.Spec.Suspend:
		return "asked for: " + v.label(asked.KeepUntil) + ", when the course is no longer suspended"
	case waits:
		return "asked for: " + v.label(asked.KeepUntil)
	case k.NeverUsed:
		return fmt.Sprintf("nothing; if it may go: carrel volumes let-go %s %s", v.course.Name, k.Claim)
	case k.Forever():
		return "nothing"
	case v.here[roster.Person(k.User)]:
		return "kept while its user is in the course"
	case left <= 0 && expiring != nil && expiring.Reason == v1alpha1.UnconfirmedReason:
		return expiring.Message
	case left <= 0:
		return "deleted a day after its announcement"
	case left < 48*time.Hour:
		return fmt.Sprintf("deleted in %d hours", int(left.Hours()))
	default:
		return fmt.Sprintf("deleted in %d days", int(left.Hours()/24))
	}
}

// label describes a value of the label keep-until.
func (v *idleVolumes) label(value string) string {
	until, err := volume.ParseKeepUntil(value)
	if err != nil {
		return value
	}
	return v.time(until, "for ever")
}

func newKeepCommand() *cobra.Command {
	f := &clusterFlags{}
	until := ""
	command := &cobra.Command{
		Use:   "keep COURSE USER|CLAIM",
		Short: "Keep a volume that no carrel uses until a day, or for ever",
		Long: `Keep asks for another date for a volume that no carrel uses. The user is who owns it, and the claim is its
PersistentVolumeClaim, which carrel volumes lists. It takes the verb request on courses, which the ClusterRole
carrel-staff has.`,
		Example: `  carrel volumes keep prog1 21t0042 --until=2027-03-31
  carrel volumes keep prog1 21t0042--home --until=forever`,
		Args: cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			return keepVolume(command.Context(), c, args[0], args[1], until, time.Now(), command.OutOrStdout())
		},
	}
	f.add(command)
	command.Flags().StringVar(&until, "until", "", "the last day on which the volume is kept, as 2027-03-31 in the time zone of the course, or forever")
	if err := command.MarkFlagRequired("until"); err != nil {
		panic(err) // the flag does not exist
	}
	return command
}

func newLetGoCommand() *cobra.Command {
	f := &clusterFlags{}
	command := &cobra.Command{
		Use:   "let-go COURSE USER|CLAIM",
		Short: "Let a volume that no carrel uses be deleted, a day later or more",
		Long: `Let-go asks for the deletion of a volume that no carrel uses. The deletion is announced for a day, in which
carrel volumes keep takes the request back. It takes the verb request on courses, which the ClusterRole carrel-staff
has.`,
		Example: `  carrel volumes let-go prog1 21t0042`,
		Args:    cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			return letVolumeGo(command.Context(), c, args[0], args[1], time.Now(), command.OutOrStdout())
		},
	}
	f.add(command)
	return command
}

// keepVolume asks to keep a volume until the end of a day, or for ever.
func keepVolume(ctx context.Context, c client.Client, course, which, until string, now time.Time, out io.Writer) error {
	v, k, err := readVolume(ctx, c, course, which)
	if err != nil {
		return err
	}
	keepUntil := v1alpha1.KeepForever
	if !strings.EqualFold(until, v1alpha1.KeepForever) {
		day, err := time.Parse(time.DateOnly, until)
		if err != nil {
			return fmt.Errorf("--until %s is no day: write it as 2027-03-31, or forever", until)
		}
		end := volume.EndOfDay(day, v.zone)
		if !end.After(now) {
			return fmt.Errorf("--until %s is over: name a later day, or run carrel volumes let-go %s %s", until, course, k.Claim)
		}
		keepUntil = volume.Stamp(end)
	}
	if err := v.ask(ctx, c, k, keepUntil, now); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "asked: %s is kept %s, instead of %s\n%s\n", describe(k), untilTime(v.label(keepUntil)), untilTime(v.time(k.Until, "for ever")), v.effect())
	return err
}

// letVolumeGo asks to delete a volume.
func letVolumeGo(ctx context.Context, c client.Client, course, which string, now time.Time, out io.Writer) error {
	v, k, err := readVolume(ctx, c, course, which)
	if err != nil {
		return err
	}
	if err := v.ask(ctx, c, k, volume.Stamp(now), now); err != nil {
		return err
	}
	when := "on " + v.time(volume.EarliestDeletion(v.course.Status.Volumes, now), "") + " or later"
	if v.here[roster.Person(k.User)] {
		when = "a day after its user has left the course, or later"
	}
	_, err = fmt.Fprintf(out, "asked: %s is deleted %s\n%s\nuntil then, this takes it back: carrel volumes keep %s %s --until=forever\n", describe(k), when, v.effect(), course, k.Claim)
	return err
}

// untilTime puts "until" before a time.
func untilTime(text string) string {
	if text == "for ever" {
		return text
	}
	return "until " + text
}

// describe names a volume, as "21t0042--home (home of 21t0042, 2Gi)".
func describe(k volume.Kept) string {
	return fmt.Sprintf("%s (%s of %s, %s)", k.Claim, cmp.Or(k.Volume, "a volume"), cmp.Or(k.User, "nobody on record"), k.Size)
}

// effect says when a request takes effect.
func (v *idleVolumes) effect() string {
	if v.course.Spec.Suspend {
		return "the course is suspended: the controller handles the request when that is over"
	}
	return "the controller handles the request in a moment: see carrel volumes " + v.course.Name
}

func (v *idleVolumes) ask(ctx context.Context, c client.Client, k volume.Kept, keepUntil string, now time.Time) error {
	err := request.Volumes{Client: c, Owner: "carrel"}.Ask(ctx, v.course.Name, k.Claim, keepUntil, now, v.kept)
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("you may not ask this in %s: it takes the verb request on courses, which the ClusterRole carrel-staff has; a maintainer binds it in the course: %w", v.course.Name, err)
	}
	return err
}

// readVolume reads the volumes of a course, and finds that of a claim or of a user.
func readVolume(ctx context.Context, c client.Client, course, which string) (*idleVolumes, volume.Kept, error) {
	v, err := readVolumes(ctx, c, course)
	if err != nil {
		return nil, volume.Kept{}, err
	}
	k, err := v.find(which)
	return v, k, err
}

// find returns the volume of a claim, or the only volume of a user.
func (v *idleVolumes) find(which string) (volume.Kept, error) {
	var found []volume.Kept
	for _, k := range v.kept {
		if k.Claim == which {
			return k, nil
		}
		if roster.Person(k.User) == roster.Person(which) {
			found = append(found, k)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		lines := []string{fmt.Sprintf("%s has %d volumes in %s that no carrel uses: name one of the claims:", which, len(found), v.course.Name)}
		for _, k := range found {
			lines = append(lines, fmt.Sprintf("    %s (%s, %s, kept %s)", k.Claim, k.Volume, k.Size, untilTime(v.time(k.Until, "for ever"))))
		}
		return volume.Kept{}, errors.New(strings.Join(lines, "\n"))
	case v.here[roster.Person(which)]:
		return volume.Kept{}, fmt.Errorf("%s is in %s, and all volumes of theirs are in use: none of them expires", which, v.course.Name)
	}
	text := fmt.Sprintf("nobody called %q has a volume in %s that no carrel uses", which, v.course.Name)
	var names []string
	for _, k := range v.kept {
		names = append(names, k.User, k.Claim)
	}
	if near := roster.Nearest(which, names); len(near) > 0 {
		return volume.Kept{}, fmt.Errorf("%s: did you mean %s?", text, strings.Join(near, " or "))
	}
	return volume.Kept{}, fmt.Errorf("%s: carrel volumes %s lists those there are", text, v.course.Name)
}
