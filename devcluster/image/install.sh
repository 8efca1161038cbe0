# Adds Debian packages to a root file system. Arguments: the directory for it,
# the layer it begins from, a script to run in it at the end, and the packages.
# Standard input is its /etc/apt/sources.list.
tree=$1 base=$2 script=$3
shift 3

tar --extract --gzip --numeric-owner --same-permissions --file "$base" --directory "$tree"
cat >"$tree/etc/apt/sources.list"
cp /etc/resolv.conf "$tree/etc/resolv.conf"
# Services of the packages must not start here.
printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"

exec env --unset=HOME PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot "$tree" sh -ec '
	script=$1
	shift
	apt-get -q update
	apt-get -q --yes --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"
	sh -ec "$script"
' sh "$script" "$@"
