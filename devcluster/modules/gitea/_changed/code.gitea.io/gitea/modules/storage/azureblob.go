package storage

import (
	"context"

	"code.gitea.io/gitea/modules/setting"
)

// NewAzureBlobStorage fails, as NewMinioStorage does.
func NewAzureBlobStorage(ctx context.Context, cfg *setting.Storage) (ObjectStorage, error) {
	return NewMinioStorage(ctx, cfg)
}
