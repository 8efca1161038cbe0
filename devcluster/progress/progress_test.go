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

func TestALogIsNotFloodedBySlowSteps(t *testing.T) {
	var out bytes.Buffer
	var now time.Duration
	printer := &Printer{
		out:      &out,
		elapsed:  func() time.Duration { return now },
		estimate: NewEstimate(map[string]time.Duration{"compile": 2 * time.Minute}),
	}
	printer.Print(Event{Step: "compile", State: Begun})
	printer.Print(Event{Step: "fetch", State: Begun})
	for second := range 25 {
		now = time.Duration(second) * time.Second
		printer.Print(Event{Step: "compile", State: Moving, Detail: "5 of 9 packages", Fraction: 0.5, Elapsed: now})
	}
	printer.Print(Event{Step: "compile", State: Done, Elapsed: now})
	want := "· 0:10  compile: 5 of 9 packages; fetch; about 30 s left\n" +
		"· 0:20  compile: 5 of 9 packages; fetch; about 30 s left\n" +
		"✓ compile                            24.0s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("printed differently (-want +got):\n%s", diff)
	}
}

func TestATerminalKeepsOneLineForTheStepsThatRun(t *testing.T) {
	var out bytes.Buffer
	now := time.Minute
	printer := &Printer{out: &out, terminal: true, elapsed: func() time.Duration { return now }}
	printer.Print(Event{Step: "a", State: Moving, Detail: "1 of 2"})
	printer.Print(Event{Step: "a", State: Failed, Detail: "disk full\nthe end of a log"})
	want := "\r\x1b[K· 1:00  a: 1 of 2" +
		"\r\x1b[K✗ a                                   0.0s  disk full\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("printed differently (-want +got):\n%s", diff)
	}
}
