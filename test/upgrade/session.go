package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/story"
	"github.com/carrel-dev/carrel/test/student"
)

// typesEvery is the time between two messages of a student.
const typesEvery = 500 * time.Millisecond

// comes has a student log in, open their carrel, and type until the program ends.
func (u *upgrade) comes(ctx context.Context, user string) error {
	visitor, err := story.LogIn(ctx, u.Gateway, user)
	if err != nil {
		return err
	}
	address := u.Gateway.CarrelURL(course, roster.UserlandName(user))
	if err := visitor.HandOver(ctx, address); err != nil {
		return err
	}
	opened := story.Opened(visitor, address, `id="screen"`)
	opened.Name = user + " opens"
	if err := u.Follow(ctx, opened, story.Ready(u.Client, course, roster.UserlandName(user))); err != nil {
		return err
	}
	s, err := student.Begin(ctx, visitor, user, address, typesEvery, func(ctx context.Context) ([]string, error) {
		out, err := u.Cluster.Kubectl(ctx, "exec", "--namespace="+course, "deploy/"+roster.UserlandName(user), "--", "cat", student.WorkFile)
		return strings.Fields(out), err
	})
	if err != nil {
		return err
	}
	u.students = append(u.students, s)
	return nil
}

// raiseHand has a student ask for help, and for their carrel to be kept for an hour.
func (u *upgrade) raiseHand(ctx context.Context, user string) error {
	now := time.Now().UTC()
	patch := fmt.Sprintf(`{"status":{"requests":{"helpSince":%q,"keepUntil":%q}}}`, now.Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339))
	var userland v1alpha1.Userland
	if err := u.Client.Get(ctx, client.ObjectKey{Namespace: course, Name: roster.UserlandName(user)}, &userland); err != nil {
		return err
	}
	err := u.Client.Status().Patch(ctx, &userland, client.RawPatch(types.MergePatchType, []byte(patch)))
	if err != nil {
		return errors.Join(fmt.Errorf("raise the hand of %s", user), err)
	}
	return nil
}
