// Package image builds the container images that a cluster runs, on this
// machine and without a registry: from static Go binaries, Debian packages and
// npm packages. An image is a list of layers and a configuration; every layer is
// built once per version into the cache and may be shared by several images.
//
// Layers are deterministic: entries are sorted, times are zero and numeric ids
// are the only owners, so the same inputs give the same digest. (Inputs from
// Debian change when Debian publishes an update; a cached layer does not.)
//
// The machine needs the Debian packages listed by [HostPackages]. Layers made
// of Debian packages also need root, because debootstrap and apt do.
package image
