// Package moving runs the guide docs/moving.md, command by command, against a real
// API server, garbage collector and Deployment controller.
package moving
