#!/bin/sh
# Serves phpMyAdmin on $APACHE_PORT (80 if unset, like the public image) as
# whatever user this is. config.inc.php reads the rest of the environment.
set -eu

# Keeps cookies of one start of this server from being used with another.
PMA_COOKIE_SECRET=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
# Pages come with dozens of small files; one process would serve them one by one.
PHP_CLI_SERVER_WORKERS=${PHP_CLI_SERVER_WORKERS:-4}
export PMA_COOKIE_SECRET PHP_CLI_SERVER_WORKERS

exec php -S "0.0.0.0:${APACHE_PORT:-80}" -t /usr/share/phpmyadmin /usr/local/share/phpmyadmin/router.php
