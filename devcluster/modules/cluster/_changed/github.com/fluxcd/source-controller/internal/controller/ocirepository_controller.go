package controller

// The controller of OCIRepository is left out: see main.go.
