package volume_test

import (
	"testing"

	"github.com/carrel-dev/carrel/test/classroom"
)

func TestMain(m *testing.M) { classroom.Main(m) }
