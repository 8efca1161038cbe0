package story

import "testing"

func TestProcessOf(t *testing.T) {
	const status = "cluster carrel, size node, up for 3s\nAPI server https://10.111.0.1:1\n\nCOMPONENT       PROCESS  STATE    LOG\netcd            41       running  /logs/etcd.log\nkube-apiserver  42       running  /logs/kube-apiserver.log\n"
	if pid, err := processOf(status, "kube-apiserver"); err != nil || pid != 42 {
		t.Errorf("kube-apiserver is process %d (%v), want 42", pid, err)
	}
	if _, err := processOf(status, "gitea"); err == nil {
		t.Error("a component that is not there has a process")
	}
}
