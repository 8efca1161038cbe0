package controller

// The controller of HelmChart is left out: see main.go.
