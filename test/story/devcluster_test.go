package story

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// make demo prepares the images before the story is compiled that needs them.
func TestTheMakefilePreparesTheImagesOfTheCourses(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if flag := "--image=" + strings.Join(courseImages, ",") + " "; !strings.Contains(string(makefile), flag) {
		t.Errorf("the Makefile's target demo prepares other images than the courses need: give it %s", flag)
	}
}
