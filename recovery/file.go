package recovery

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/carrel-dev/carrel/core/inventory"
)

// Write writes an inventory to a file. Only the owner of the file can read it, because an
// inventory holds logins. Write replaces an existing file atomically.
func Write(path string, taken inventory.Inventory) (err error) {
	data, err := taken.Format()
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".inventory-") // of mode 0600
	if err != nil {
		return fmt.Errorf("write the inventory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write the inventory: %w", err), os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// The files of a directory are named inventory-<time>.yaml. The times are in UTC, so the
// names sort by time.
const (
	fileLayout  = "inventory-20060102T150405Z.yaml"
	filePattern = "inventory-????????T??????Z.yaml"
)

// Keep writes an inventory to a new file in a directory, and deletes the oldest
// inventories there until the number keep is left. It returns the path of the new file.
func Keep(directory string, taken inventory.Inventory, keep int) (path string, err error) {
	path = filepath.Join(directory, taken.Time.UTC().Format(fileLayout))
	if err := Write(path, taken); err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(directory, filePattern))
	if err != nil {
		return "", fmt.Errorf("list the inventories: %w", err)
	}
	slices.Sort(files)
	for len(files) > keep {
		if err := os.Remove(files[0]); err != nil {
			return "", fmt.Errorf("delete an old inventory: %w", err)
		}
		files = files[1:]
	}
	return path, nil
}

// Open reads an inventory from a file.
func Open(path string) (inventory.Inventory, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return inventory.Inventory{}, fmt.Errorf("read the inventory: %w", err)
	}
	return inventory.Parse(data)
}

// Storage returns the names of the directories in a directory.
func Storage(root string) (inventory.Storage, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("list the volumes of the storage: %w", err)
	}
	storage := inventory.Storage{}
	for _, entry := range entries {
		if entry.IsDir() {
			storage[entry.Name()] = true
		}
	}
	return storage, nil
}
