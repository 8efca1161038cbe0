package image

import (
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// phpMyAdmin is the database's web page. PHP's built-in server is enough for its
// one user. It follows the environment of the public image of that name.
var phpMyAdmin = recipe{
	tag: "5.2",
	layers: []layer{
		debianBase{},
		debianLayer{
			label:    "phpmyadmin",
			packages: []string{"dbconfig-no-thanks", "php-cli", "phpmyadmin", "tini"},
			// A secret inside an image is public, so entrypoint.sh generates one at
			// each start.
			script: "rm /var/lib/phpmyadmin/blowfish_secret.inc.php\n",
		},
		fixedLayer{label: "phpmyadmin-entrypoint", entries: append(parents(binaries),
			directory("/etc", 0o755),
			directory("/etc/phpmyadmin", 0o755),
			text("/etc/phpmyadmin/config.inc.php", 0o644, ownFile("phpmyadmin/config.inc.php")),
			directory("/etc/php", 0o755),
			directory("/etc/php/8.2", 0o755),
			directory("/etc/php/8.2/cli", 0o755),
			directory("/etc/php/8.2/cli/conf.d", 0o755),
			text("/etc/php/8.2/cli/conf.d/90-carrel.ini", 0o644, ownFile("phpmyadmin/carrel.ini")),
			directory("/usr/local/share", 0o755),
			directory("/usr/local/share/phpmyadmin", 0o755),
			text("/usr/local/share/phpmyadmin/router.php", 0o644, ownFile("phpmyadmin/router.php")),
			text(binaries+"/entrypoint.sh", 0o755, ownFile("phpmyadmin/entrypoint.sh")),
		)},
	},
	config: v1.Config{
		User: fmt.Sprintf("%[1]d:%[1]d", student),
		// PHP does not end its workers on SIGTERM; tini -g sends them the signal
		// too.
		Entrypoint:   []string{"tini", "-g", "--", "entrypoint.sh"},
		Env:          []string{searchPath, "LANG=C.UTF-8"},
		WorkingDir:   "/tmp",
		ExposedPorts: map[string]struct{}{"80/tcp": {}},
	},
}
