package main

import (
	"context"
	"os"
	"path/filepath"
)

// makeRelease tags a copy of this commit, and makes the release of the tag.
func (i *installation) makeRelease(ctx context.Context) error {
	// A clone of it is called carrel, as one of the page's address is.
	source := i.File("tagged", "carrel")
	if _, err := i.shell(ctx, i.Cluster.Root, "git clone --quiet --no-tags . "+source); err != nil {
		return err
	}
	if err := edit(filepath.Join(source, "CHANGELOG.md"), "## Not released\n", "## "+version+"\n"); err != nil {
		return err
	}
	if _, err := i.shell(ctx, source, "git commit --quiet --all --message=Release && git tag -a -m "+version+" "+version); err != nil {
		return err
	}
	return i.follow(ctx, i.Dir, "A release", 0, "https://github.com/carrel-dev/carrel", source, "registry.your.org/team", i.registry+"/lab", pageVersion, version)
}

// makeRepository makes the repository of the cluster, with one small course.
func (i *installation) makeRepository(ctx context.Context) error {
	if err := i.follow(ctx, i.repository(), "The repository", 0,
		"https://git.your.org/team", i.forge.Host()+"/carrel", "registry.your.org/team", i.registry+"/lab", pageVersion, version); err != nil {
		return err
	}
	if err := i.chooseCourses(ctx); err != nil {
		return err
	}
	if err := edit(filepath.Join(i.repository(), "clusters/campus/inventory/volume.yaml"),
		"  nfs:\n    server: nas.example.edu\n    path: /export/carrel-inventory\n", "  hostPath:\n    path: "+i.inventories()+"\n    type: Directory\n"); err != nil {
		return err
	}
	if _, err := i.shell(ctx, i.repository(), "dist/release/"+version+"/programs/linux-amd64/carrel check"); err != nil {
		return err
	}
	return i.follow(ctx, i.repository(), "The repository", 1, "https://git.your.org/team", i.forge.Host()+"/carrel")
}

// chooseCourses deletes the courses of the page's cluster, and adds a small one, whose
// image the node has already.
func (i *installation) chooseCourses(ctx context.Context) error {
	const courses = "clusters/campus/courses"
	commands := "cp -r " + courses + "/prog1 " + courses + "/" + course + "\n" +
		"sed -i s/prog1/" + course + "/ " + courses + "/" + course + "/namespace.yaml\n" +
		"rm -r clusters/local " + courses + "/prog1 " + courses + "/database courses/prog1 courses/database\n"
	if _, err := i.shell(ctx, i.repository(), commands); err != nil {
		return err
	}
	file := filepath.Join(i.repository(), courses, "kustomization.yaml")
	if err := edit(file, "  - prog1\n  - database\n", "  - "+course+"\n"); err != nil {
		return err
	}
	if err := edit(file, "      namespace: database\n", ""); err != nil {
		return err
	}
	return edit(file, "name: phpmyadmin\n            newName: "+i.registry+"/lab/phpmyadmin\n", "name: carrel-dev/webterm\n            newName: carrel.local/webterm\n            newTag: dev\n")
}

// login lets people log in at GitHub, which the gateway asks nothing before somebody
// does.
const login = `providers:
  - name: github
    github: {clientID: Iv1.install, clientSecretFile: /etc/carrel/login/client-secret}
sessions:
  keyFiles: [/etc/carrel/login/session-key]
`

// handOver writes the Secrets, and has Flux follow the repository.
func (i *installation) handOver(ctx context.Context) error {
	// The pod that takes the inventory may pass through the directory above its own.
	if err := os.Chmod(i.Dir, 0o711); err != nil {
		return err
	}
	if err := i.follow(ctx, i.repository(), "Once, by hand", 1, "/export/carrel-inventory", i.inventories()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(i.repository(), "login.yaml"), []byte(login), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(i.repository(), "client-secret"), []byte("none"), 0o600); err != nil {
		return err
	}
	certificate := "openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 2 -subj /CN=desk.example.edu"
	if _, err := i.shell(ctx, i.repository(), certificate); err != nil {
		return err
	}
	return i.follow(ctx, i.repository(), "Once, by hand", 0)
}

// edit replaces a text in a file, which must have it.
func edit(path, old, replacement string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := replaced(string(text), old, replacement)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(changed), 0o600)
}
