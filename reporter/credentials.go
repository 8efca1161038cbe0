package reporter

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/forge"
)

// Keys of a Secret with the credentials of a GitHub App, as Flux has them. Flux's
// githubAppInstallationOwner is not read: the installation is looked for by the
// repository, whose owner has it.
const (
	appIDKey           = "githubAppID"
	appInstallationKey = "githubAppInstallationID"
	appPrivateKeyKey   = "githubAppPrivateKey"
	appBaseURLKey      = "githubAppBaseURL"
)

// credentials reads a token from a Secret, or else a GitHub App if the forge takes apps.
func (d *destination) credentials(secret *corev1.Secret, apps bool, config *forge.Config) error {
	config.Token = strings.TrimSpace(string(secret.Data[tokenKey]))
	if config.Token != "" {
		return nil
	}
	if len(secret.Data[appIDKey]) == 0 || !apps {
		return noCredentials(nil, "Secret %s has no key %s: put a token there that may write commit statuses of %s", d.secret, tokenKey, d.address)
	}
	app := &forge.App{PrivateKey: secret.Data[appPrivateKeyKey], BaseURL: strings.TrimSpace(string(secret.Data[appBaseURLKey]))}
	var err error
	if app.ID, err = d.number(secret, appIDKey); err != nil {
		return err
	}
	if app.InstallationID, err = d.number(secret, appInstallationKey); err != nil {
		return err
	}
	if len(app.PrivateKey) == 0 {
		return noCredentials(nil, "Secret %s has no key %s: put a private key of the GitHub App there", d.secret, appPrivateKeyKey)
	}
	config.App, d.app = app, true
	return nil
}

// number is 0 without the key.
func (d *destination) number(secret *corev1.Secret, key string) (int64, error) {
	text := strings.TrimSpace(string(secret.Data[key]))
	if text == "" {
		return 0, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number <= 0 {
		return 0, noCredentials(err, "key %s of Secret %s is not a number: put the one there that GitHub shows", key, d.secret)
	}
	return number, nil
}
