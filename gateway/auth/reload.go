package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"
)

// reloadEvery is the time between two looks at the login file and the files it names.
const reloadEvery = 10 * time.Second

// Follow reads the login file again when it, or a file that it names, has changed, until
// the context ends. Logins go on as long as one of the keys opens their cookies. A file
// that can't be used is logged, and the last one that could stays in use.
func (d *Desk) Follow(ctx context.Context, file string) error {
	ticker := time.NewTicker(reloadEvery)
	defer ticker.Stop()
	last := contentOf(file, d.latest().config)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			last = d.reload(ctx, file, last)
		}
	}
}

// reload reads the login file again, if its content is not the last. It returns the
// content.
func (d *Desk) reload(ctx context.Context, file string, last [sha256.Size]byte) [sha256.Size]byte {
	content := contentOf(file, d.latest().config)
	if content == last {
		return content
	}
	if err := d.use(file); err != nil {
		log.FromContext(ctx).Error(err, "read the login file again; the last one stays in use")
		return content
	}
	log.FromContext(ctx).Info("read the login file again", "file", file)
	return contentOf(file, d.latest().config)
}

// use makes the Desk of a login file the latest.
func (d *Desk) use(file string) error {
	config, err := ReadConfig(file)
	if err != nil {
		return err
	}
	newer, err := NewDesk(config, d.options)
	if err != nil {
		return err
	}
	newer.recent = d.recent // tokens that are spent stay so
	d.newer.Store(newer)
	return nil
}

// contentOf returns a hash of a login file and of the files that it names.
func contentOf(file string, c *Config) [sha256.Size]byte {
	hash := sha256.New()
	for _, name := range append([]string{file}, c.files()...) {
		text, err := os.ReadFile(name)
		_, _ = fmt.Fprintf(hash, "%s %d %v\n%s", name, len(text), err != nil, text)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// files returns the names of the files that a login file names.
func (c *Config) files() []string {
	files := append([]string(nil), c.Sessions.KeyFiles...)
	for _, p := range c.Providers {
		switch {
		case p.OIDC != nil:
			files = append(files, p.OIDC.ClientSecretFile)
		case p.GitHub != nil:
			files = append(files, p.GitHub.ClientSecretFile)
		}
	}
	if c.Proxy != nil {
		files = append(files, c.Proxy.SecretFile)
	}
	return files
}

// OneProvider reports whether all people come from one provider, as of the login file that
// was read last.
func (d *Desk) OneProvider() bool { return d.latest().config.OneProvider() }
