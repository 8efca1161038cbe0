package controller

// The controller of Bucket is left out: see main.go.
