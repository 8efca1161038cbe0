package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Children holds the objects that the controller creates for Userland 0, as JSON.
type Children struct{ deployment, service, claim string }

// ReadChildren reads the children of Userland 0, without the fields that the API
// server sets.
func ReadChildren(ctx context.Context, c client.Client) (Children, error) {
	var deployments appsv1.DeploymentList
	var services corev1.ServiceList
	var claims corev1.PersistentVolumeClaimList
	for _, list := range []client.ObjectList{&deployments, &services, &claims} {
		if err := c.List(ctx, list, client.InNamespace(Course), client.MatchingLabels{v1alpha1.UserlandLabel: Userland(0).Name}); err != nil {
			return Children{}, fmt.Errorf("read the children of a Userland: %w", err)
		}
	}
	if len(deployments.Items) != 1 || len(services.Items) != 1 || len(claims.Items) != 1 {
		return Children{}, fmt.Errorf("a Userland has %d Deployments, %d Services and %d claims, want one each", len(deployments.Items), len(services.Items), len(claims.Items))
	}
	deployments.Items[0].Status, services.Items[0].Status, claims.Items[0].Status = appsv1.DeploymentStatus{}, corev1.ServiceStatus{}, corev1.PersistentVolumeClaimStatus{}
	var read Children
	for _, child := range []struct {
		object client.Object
		into   *string
	}{{&deployments.Items[0], &read.deployment}, {&services.Items[0], &read.service}, {&claims.Items[0], &read.claim}} {
		plain(child.object)
		data, err := json.Marshal(child.object)
		if err != nil {
			return Children{}, fmt.Errorf("encode %T: %w", child.object, err)
		}
		*child.into = string(data)
	}
	return read, nil
}

func plain(o client.Object) {
	o.SetResourceVersion("")
	o.SetUID("")
	o.SetGeneration(0)
	o.SetManagedFields(nil)
	o.SetCreationTimestamp(metav1.Time{})
	o.SetFinalizers(nil)
}

// Of returns the same children for the Userland of the given number, in the order
// in which the controller creates them.
func (c Children) Of(number int) ([]client.Object, error) {
	claim, deployment, service := &corev1.PersistentVolumeClaim{}, &appsv1.Deployment{}, &corev1.Service{}
	for _, child := range []struct {
		data string
		into client.Object
	}{{c.claim, claim}, {c.deployment, deployment}, {c.service, service}} {
		renamed := strings.ReplaceAll(child.data, Userland(0).Name, Userland(number).Name)
		if err := json.Unmarshal([]byte(renamed), child.into); err != nil {
			return nil, fmt.Errorf("decode %T: %w", child.into, err)
		}
	}
	return []client.Object{claim, deployment, service}, nil
}

// CountChildren returns the number of children of all kinds.
func CountChildren(ctx context.Context, c client.Client) (int, error) {
	count := 0
	for _, list := range []client.ObjectList{&appsv1.DeploymentList{}, &corev1.ServiceList{}, &corev1.PersistentVolumeClaimList{}} {
		if err := c.List(ctx, list, client.InNamespace(Course), client.Limit(1)); err != nil {
			return 0, fmt.Errorf("count the children: %w", err)
		}
		if rest := list.GetRemainingItemCount(); rest != nil {
			count += int(*rest) + 1
		} else if list.GetContinue() == "" {
			count += length(list)
		}
	}
	return count, nil
}

func length(list client.ObjectList) int {
	switch l := list.(type) {
	case *appsv1.DeploymentList:
		return len(l.Items)
	case *corev1.ServiceList:
		return len(l.Items)
	case *corev1.PersistentVolumeClaimList:
		return len(l.Items)
	}
	return 0
}
