package userland

import (
	"context"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/index"
)

// keepVolumes labels the volumes of a Userland that is gone with when they may
// go, once. It is called for every claim whose Userland does not exist, so a
// controller that was away while the Userland went catches up.
func (r *Reconciler) keepVolumes(ctx context.Context, userland client.ObjectKey) error {
	claims, err := index.Claims(ctx, r, userland)
	if err != nil {
		return err
	}
	for i := range claims {
		if err := r.keep(ctx, &claims[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) keep(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	_, ours := claim.Annotations[v1alpha1.UserAnnotation]
	if _, kept := claim.Labels[v1alpha1.KeepUntilLabel]; kept || !ours || claim.DeletionTimestamp != nil {
		return nil
	}
	until := keepUntil(claim.Annotations[v1alpha1.RetainAnnotation], r.Clock.Now())
	err := r.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) {
		claim.Labels = merge(claim.Labels, map[string]string{v1alpha1.KeepUntilLabel: until})
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err == nil {
		r.Events.Eventf(claim, nil, corev1.EventTypeNormal, "VolumeKept", "Keep",
			"its Userland is gone; the volume is kept until %s, and attached again if the same user comes back before", until)
	}
	return err
}

// keepUntil is the label for a volume whose Userland went now. A promise that
// can't be read is kept for ever: nothing is ever deleted early.
func keepUntil(retain string, now time.Time) string {
	period, err := parseRetain(retain)
	if err != nil {
		return v1alpha1.KeepForever
	}
	return now.Add(period).UTC().Format(v1alpha1.KeepUntilLayout)
}

// parseRetain reads days (30d) or hours (12h).
func parseRetain(retain string) (time.Duration, error) {
	unit := time.Hour
	number, days := strings.CutSuffix(retain, "d")
	if days {
		unit = 24 * time.Hour
	} else {
		number = strings.TrimSuffix(retain, "h")
	}
	count, err := strconv.ParseUint(number, 10, 17)
	return time.Duration(count) * unit, err
}
