// Package story does what people do with Carrel: start a cluster, put the
// repository on a forge, bootstrap Flux, open a merge request, merge it, and
// look at what comes of it. The demo tells it to a newcomer; the end-to-end
// tests check it. It goes the ways a user has: git, the forge's API, the
// Kubernetes API and the carrel's own page.
package story
