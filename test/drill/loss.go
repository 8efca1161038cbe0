package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/carrel-dev/carrel/test/story"
)

// lose runs the job that takes the inventory every night, and deletes the data of etcd.
func (d *drill) lose(ctx context.Context) error {
	if err := d.Follow(ctx, story.Milestone{Name: "inventory installed", Reached: func(ctx context.Context) (string, bool, error) {
		_, err := d.command(ctx, "kubectl", "get", "cronjob/carrel-inventory", "pvc/carrel-inventory", "--namespace=carrel-system")
		return "", err == nil, err
	}}); err != nil {
		return err
	}
	const job = "job/drill"
	if err := d.show(ctx, "kubectl", "create", "job", "drill", "--namespace=carrel-system", "--from=cronjob/carrel-inventory"); err != nil {
		return err
	}
	if _, err := d.command(ctx, "kubectl", "wait", job, "--namespace=carrel-system", "--for=condition=Complete", "--timeout=5m"); err != nil {
		return err
	}
	file, err := d.newest()
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	d.Say("%s: %d bytes, mode %s", filepath.Base(file), info.Size(), info.Mode())
	if err := d.Cluster.LoseEtcd(ctx); err != nil {
		return err
	}
	d.Say("etcd is lost; an empty Kubernetes with Flux is up on the same node")
	return nil
}

// newest returns the path of the newest inventory.
func (d *drill) newest() (string, error) {
	files, err := filepath.Glob(filepath.Join(d.inventories(), "inventory-*.yaml"))
	if err != nil || len(files) == 0 {
		return "", errors.Join(errors.New("there is no inventory"), err)
	}
	return slices.Max(files), nil
}

// rebuild runs the command that rebuilds the cluster.
func (d *drill) rebuild(ctx context.Context) error {
	file, err := d.newest()
	if err != nil {
		return err
	}
	d.started = time.Now()
	if err := d.show(ctx, "clusters/rebuild", "local", d.secrets(), file, "--storage="+d.storage()); err != nil {
		return err
	}
	d.rebuilt = append(d.rebuilt, rebuilt{command: time.Since(d.started)})
	return nil
}

// check checks that everybody finds their work, and that the kept volumes have the dates
// that they had.
func (d *drill) check(ctx context.Context) error {
	milestones := append(d.everybody(func(s *student) story.Milestone {
		m := d.shows(s, s.work)
		m.Within = story.InstalledWithin
		return m
	}), d.isKept("dropped", &d.dropped), d.isKept("before the reset", &d.reset))
	for i := range milestones {
		milestones[i].Within = story.InstalledWithin
	}
	if err := d.Follow(ctx, milestones...); err != nil {
		return err
	}
	d.rebuilt[len(d.rebuilt)-1].all = time.Since(d.started)
	d.Say("everybody has their work, %.0f s after the command began", time.Since(d.started).Seconds())
	return nil
}

// carrelsFirst starts Flux without the volumes, as somebody in a hurry may do. Everybody
// gets an empty carrel, and one student works in theirs.
func (d *drill) carrelsFirst(ctx context.Context) error {
	for _, arguments := range [][]string{{"--filename=" + d.secrets()}, {"--kustomize=clusters/local/flux-system"}} {
		if err := d.show(ctx, append([]string{"kubectl", "apply"}, arguments...)...); err != nil {
			return err
		}
	}
	if err := d.Follow(ctx, d.everybody(d.ready)...); err != nil {
		return err
	}
	s := *d.student(meanwhileUser)
	if found, err := d.read(ctx, &s); err != nil || found != "nothing" {
		return fmt.Errorf("%s finds %q before the restore (%w)", s.user, found, err)
	}
	if err := d.write(ctx, &s); err != nil {
		return err
	}
	d.meanwhile = s.work
	d.Say("%s has an empty home, and writes %q", s.user, s.work)
	return nil
}

// checkMeanwhile does the checks of check. It also checks that the volume with the work
// from between the loss and the restore is kept.
func (d *drill) checkMeanwhile(ctx context.Context) error {
	if err := d.check(ctx); err != nil {
		return err
	}
	s := *d.student(meanwhileUser)
	s.work = d.meanwhile
	return d.Follow(ctx, d.isKept("written meanwhile", &kept{student: s}))
}

// backup restores the volume of one student by kubectl alone, as docs/maintaining.md
// describes.
func (d *drill) backup(ctx context.Context) error {
	s := d.student(backupUser)
	if err := d.copyVolume(ctx, s, "backup-of-dave"); err != nil {
		return err
	}
	if _, err := d.inside(ctx, s, "rm /home/coder/report.txt"); err != nil {
		return err
	}
	if err := d.Follow(ctx, d.shows(s, "nothing")); err != nil {
		return err
	}
	name, err := d.carrel(ctx, s)
	if err != nil {
		return err
	}
	script := "sed -e s/CLAIM/dave--home--backup/ -e s/COURSE/" + s.course + "/ -e s/CARREL/" + name + "/ -e s/LOGIN/" + s.user + "/ \\\n" +
		"        -e s/VOLUME/home/ -e s/CLASS/local-path/ -e s/SIZE/64Mi/ -e s/NOW/$(date -u +%Y%m%dT%H%M%SZ)/ \\\n" +
		"        -e s,DIRECTORY,/opt/local-path-provisioner/backup-of-dave, \\\n" +
		"        examples/restore/volume.yaml | kubectl apply -f -"
	if err := d.show(ctx, "sh", "-c", script); err != nil {
		return err
	}
	return d.Follow(ctx, d.shows(s, s.work))
}

// copyVolume copies the directory of a student's volume, in place of a backup.
func (d *drill) copyVolume(ctx context.Context, s *student, name string) error {
	claims, err := d.claims(ctx, s)
	if err != nil {
		return err
	}
	for i := range claims {
		directory, err := d.directory(ctx, &claims[i])
		if err != nil {
			return err
		}
		if work, err := os.ReadFile(filepath.Join(directory, "report.txt")); err != nil || strings.TrimSpace(string(work)) != s.work {
			continue
		}
		_, err = d.command(ctx, "cp", "--archive", directory, filepath.Join(d.storage(), name))
		return err
	}
	return fmt.Errorf("none of the %d volumes of %s has their work", len(claims), s.user)
}
