package storage

import (
	"context"
	"errors"

	"code.gitea.io/gitea/modules/setting"
)

// NewMinioStorage fails: files are kept on the disk, and the SDKs of object
// storage are left out.
func NewMinioStorage(context.Context, *setting.Storage) (ObjectStorage, error) {
	return nil, errors.New("storage in buckets is not part of this build")
}
