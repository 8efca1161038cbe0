// Package test brings real clusters up and down through the command, as a
// person would. Its tests need root and the Debian packages of a node, so they
// are built only with the tag "node":
//
//	go test -tags node ./test/
package test
