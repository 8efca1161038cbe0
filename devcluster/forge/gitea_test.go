package forge

import (
	"testing"

	"github.com/carrel-dev/carrel/devcluster/golden"
)

func TestConfigurationReadsAsRecorded(t *testing.T) {
	config := Config{Program: "/cache/gitea", Data: "/state/gitea", Address: "10.111.0.1", Port: 3000, SecurePort: 3443}
	golden.Compare(t, "app.ini", config.render("root", "secret"))
}

func TestTheTokenIsFoundInWhatGiteaSays(t *testing.T) {
	const token = "b7bce6d6f3f34ac3d114c210ddb280e87e019d84"
	said := "New user 'carrel' has been successfully created!\nAccess token was successfully created... " + token + "\n"
	if got := tokenPattern.FindString(said); got != token {
		t.Errorf("found token %q, want %q", got, token)
	}
}
