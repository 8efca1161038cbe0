package controller

// The controller of HelmRepository is left out: see main.go.
