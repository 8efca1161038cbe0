package recovery

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/carrel-dev/carrel/core/inventory"
)

// Write writes an inventory to a file, which only its owner can read: it holds
// logins. A file that exists is replaced in one step.
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

// The names of the files of a directory are inventory-<time>.yaml, with the time in
// UTC, so that the order of the names is that of the times.
const (
	fileLayout  = "inventory-20060102T150405Z.yaml"
	filePattern = "inventory-????????T??????Z.yaml"
)

// Keep writes an inventory to a new file of a directory, and deletes the oldest
// inventories there until as many as keep are left. It returns the path of the file.
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

// Storage returns the directories in a directory of the storage.
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
