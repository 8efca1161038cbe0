package main

import (
	"os"
	"strings"
	"testing"
)

func TestThePageHasTheCommandsOfAnInstallation(t *testing.T) {
	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	for heading, want := range map[string][]string{
		"A release":      {"make release VERSION=" + pageVersion},
		"The repository": {"cp dist/release/" + pageVersion + "/images.yaml", "git push"},
		"Once, by hand":  {"kubectl apply -k clusters/campus/flux-system", "install -d"},
	} {
		blocks, err := commandsOf(string(text), heading)
		if err != nil {
			t.Fatal(err)
		}
		if len(blocks) != len(want) {
			t.Fatalf("%q has %d blocks of commands, want %d", heading, len(blocks), len(want))
		}
		for i, words := range want {
			if !strings.Contains(blocks[i], words) {
				t.Errorf("block %d of %q lacks %q:\n%s", i+1, heading, words, blocks[i])
			}
		}
	}
	if _, err := commandsOf(string(text), "No such"); err == nil {
		t.Error("a heading that is not there is no error")
	}
}

func TestAnAddressThatIsNotReplacedIsAnError(t *testing.T) {
	got, err := replaced("push a.example b.example", "a.example", "x", "b.example", "y")
	if err != nil || got != "push x y" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := replaced("push a.example", "c.example", "x"); err == nil {
		t.Error("commands without c.example are no error")
	}
}
