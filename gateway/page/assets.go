package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

// Prefix is the prefix of the paths that the gateway reserves for itself, on its own host
// and on the hosts of carrels.
const Prefix = "/.carrel/"

// assetPrefix is the prefix of the paths of style sheet, script and pictures.
const assetPrefix = Prefix + "assets/"

//go:embed assets
var assetFiles embed.FS

type asset struct {
	content     []byte
	contentType string
}

// assets holds the assets by path, and urls the paths by the name of the file. A path
// contains a hash of the content, so that browsers may keep the asset forever and still
// get a new version at once.
var assets, urls = mustReadAssets()

func mustReadAssets() (byPath map[string]asset, byName map[string]string) {
	files, err := fs.Sub(assetFiles, "assets")
	if err == nil {
		byPath, byName, err = readAssets(files)
	}
	if err != nil {
		panic(fmt.Errorf("read the assets of the pages: %w", err))
	}
	return byPath, byName
}

func readAssets(files fs.FS) (byPath map[string]asset, byName map[string]string, err error) {
	byPath, byName = map[string]asset{}, map[string]string{}
	names, err := fs.Glob(files, "*")
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, nil, err
		}
		hash := sha256.Sum256(content)
		extension := path.Ext(name)
		there := assetPrefix + strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(hash[:6]) + extension
		byName[name] = there
		byPath[there] = asset{content: content, contentType: mime.TypeByExtension(extension)}
	}
	return byPath, byName, nil
}

// AssetURL returns the path of an asset. It panics if there is none of this name.
func AssetURL(name string) string {
	there, err := assetURL(name)
	if err != nil {
		panic(err)
	}
	return there
}

// IsAsset reports whether Assets serves a path. Assets need no login, since the pages
// before the login use them too.
func IsAsset(path string) bool { return strings.HasPrefix(path, assetPrefix) }

// Assets serves style sheet, script and pictures.
func Assets() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		file, found := assets[r.URL.Path]
		if !found {
			http.NotFound(rw, r)
			return
		}
		header := rw.Header()
		header.Set("Content-Type", file.contentType)
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		header.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(rw, r, r.URL.Path, time.Time{}, bytes.NewReader(file.content))
	})
}
