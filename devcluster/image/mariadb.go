package image

import (
	"embed"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

//go:embed mariadb phpmyadmin
var ownFiles embed.FS

// ownFile returns the content of a file embedded in this package.
func ownFile(name string) string {
	content, err := ownFiles.ReadFile(name)
	if err != nil {
		panic(err) // the name is a mistake in this package
	}
	return string(content)
}

// mariadb is a database server that follows the interface of the public image of
// that name: its environment, port and data directory, and mariadb-admin for
// probes.
var mariadb = recipe{
	tag: "10.11",
	layers: []layer{
		debianBase{},
		debianLayer{
			label: "mariadb",
			// mariadb-server-core has no init scripts or other integration with a
			// host. Probes need the client.
			packages: []string{"mariadb-client", "mariadb-server-core"},
			script: "mkdir -p /var/lib/mysql /run/mysqld\n" +
				// A volume is mounted at this directory, and the image may run as
				// any user.
				"chmod 1777 /var/lib/mysql\n",
		},
		fixedLayer{label: "mariadb-entrypoint", entries: append(parents(binaries),
			directory("/run", 0o755),
			directory("/run/mysqld", 0o1777),
			directory("/etc", 0o755),
			directory("/etc/mysql", 0o755),
			directory("/etc/mysql/mariadb.conf.d", 0o755),
			text("/etc/mysql/mariadb.conf.d/90-carrel.cnf", 0o644, ownFile("mariadb/server.cnf")),
			text(binaries+"/entrypoint.sh", 0o755, ownFile("mariadb/entrypoint.sh")),
		)},
	},
	config: v1.Config{
		User:         fmt.Sprintf("%[1]d:%[1]d", student),
		Entrypoint:   []string{"entrypoint.sh"},
		Env:          []string{searchPath, "LANG=C.UTF-8"},
		WorkingDir:   "/var/lib/mysql",
		Volumes:      map[string]struct{}{"/var/lib/mysql": {}},
		ExposedPorts: map[string]struct{}{"3306/tcp": {}},
	},
}
