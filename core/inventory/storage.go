package inventory

import (
	"path"
	"slices"
)

// Storage holds the names of the directories of a storage that has one directory for each
// volume. A directory belongs to a volume if its name is the last element of the volume's
// path, since the storage may be mounted at another path on this machine. A nil Storage
// means that the directories are not known.
type Storage map[string]bool

// Unknown returns the directories that belong to no volume of the inventory.
func (s Storage) Unknown(inventory Inventory) []string {
	known := map[string]bool{}
	for _, volume := range inventory.Volumes {
		known[directoryOf(volume)] = true
	}
	var unknown []string
	for directory := range s {
		if !known[directory] {
			unknown = append(unknown, directory)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// lacks returns the name of a volume's directory if the storage does not have it. It
// returns an empty string if the storage has it, or if the source of the volume is not a
// directory.
func (s Storage) lacks(volume Volume) string {
	if directory := directoryOf(volume); s != nil && !s[directory] {
		return directory
	}
	return ""
}

// directoryOf returns the last element of the path of a volume's directory. It returns an
// empty string if the source of the volume is not a directory.
func directoryOf(volume Volume) string {
	if volume.PersistentVolume == nil {
		return ""
	}
	switch source := volume.PersistentVolume.Spec.PersistentVolumeSource; {
	case source.HostPath != nil:
		return path.Base(source.HostPath.Path)
	case source.Local != nil:
		return path.Base(source.Local.Path)
	case source.NFS != nil:
		return path.Base(source.NFS.Path)
	case source.CSI != nil && source.CSI.VolumeAttributes[subdirectory] != "":
		return path.Base(source.CSI.VolumeAttributes[subdirectory])
	default:
		return ""
	}
}

// subdirectory is the attribute in which the CSI driver for NFS records the directory of
// a volume.
const subdirectory = "subdir"
