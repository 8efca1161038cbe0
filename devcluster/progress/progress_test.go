package progress

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAStepIsToldFromBeginningToEnd(t *testing.T) {
	var got []Event
	sink := Sink(func(event Event) { got = append(got, event) })
	failure := errors.New("disk full")
	err := sink.Do("build gitea", func(step *Step) error {
		step.Move("3 of 9 packages")
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("the step's error became %v", err)
	}
	want := []Event{
		{Step: "build gitea", State: Begun},
		{Step: "build gitea", State: Moving, Detail: "3 of 9 packages"},
		{Step: "build gitea", State: Failed, Detail: "disk full"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Event{}, "Elapsed")); diff != "" {
		t.Errorf("told differently (-want +got):\n%s", diff)
	}
}

func TestEventsSurviveAPipe(t *testing.T) {
	want := []Event{{Step: "a", State: Begun}, {Step: "a", State: Done, Elapsed: 3 * time.Second}}
	var pipe bytes.Buffer
	for _, event := range want {
		Encode(&pipe)(event)
	}
	var got []Event
	if err := Decode(&pipe, func(event Event) { got = append(got, event) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events changed on the way (-sent +received):\n%s", diff)
	}
}

func TestALogIsNotFloodedByASlowStep(t *testing.T) {
	var out bytes.Buffer
	printer := &Printer{out: &out, said: map[string]time.Duration{}}
	printer.Print(Event{Step: "build", State: Begun})
	for second := range 40 {
		printer.Print(Event{Step: "build", State: Moving, Detail: "on it", Elapsed: time.Duration(second) * time.Second})
	}
	printer.Print(Event{Step: "build", State: Done, Elapsed: 40 * time.Second})
	want := "· build                              15.0s  on it\n" +
		"· build                              30.0s  on it\n" +
		"✓ build                              40.0s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("printed differently (-want +got):\n%s", diff)
	}
}

func TestATerminalKeepsOneLineForTheStepThatRuns(t *testing.T) {
	var out bytes.Buffer
	printer := &Printer{out: &out, terminal: true, said: map[string]time.Duration{}}
	printer.Print(Event{Step: "a", State: Moving, Detail: "1 of 2"})
	printer.Print(Event{Step: "a", State: Done})
	want := "\r\x1b[K· a                                   0.0s  1 of 2" +
		"\r\x1b[K✓ a                                   0.0s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("printed differently (-want +got):\n%s", diff)
	}
}
