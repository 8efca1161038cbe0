// Package image builds the container images of a cluster on this machine, without a
// registry. It builds them from static Go binaries, Debian packages and npm
// packages. An image consists of layers and a configuration. Every layer is built
// once per version into the cache, and several images may share it.
//
// Layers are deterministic: entries are sorted, times are zero, and owners are
// numeric ids. The same inputs therefore give the same digest. Inputs from Debian
// change when Debian publishes an update; a cached layer does not.
//
// The machine needs the Debian packages listed by [HostPackages]. Layers made of
// Debian packages also need root, because debootstrap and apt do.
package image
