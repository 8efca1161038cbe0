#!/bin/sh
# Runs MariaDB as whatever user this is, with its data in a volume. The
# environment says, as for the public image, what a new database has:
#   MARIADB_ROOT_PASSWORD             the password of root, from everywhere; or
#   MARIADB_ALLOW_EMPTY_ROOT_PASSWORD not empty: root needs none
#   MARIADB_DATABASE                  a database to create
#   MARIADB_USER, MARIADB_PASSWORD    a user who may do everything with it
# Arguments are options for mariadbd; if the first is not an option, a command.
set -eu

data=/var/lib/mysql
new=$data/.new

# quoted prints $1 as a string in SQL.
quoted() {
	printf "'%s'" "$(printf %s "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")"
}

# named prints $1 as the name of something in SQL.
named() {
	printf '`%s`' "$(printf %s "$1" | sed 's/`/``/g')"
}

# accounts prints the SQL for what the environment asks. (cat, because what sh's
# echo makes of a backslash differs from shell to shell.)
accounts() {
	password=$(quoted "${MARIADB_ROOT_PASSWORD:-}")
	cat <<-SQL
		FLUSH PRIVILEGES;
		DELETE FROM mysql.global_priv WHERE User NOT IN ('mariadb.sys', 'root') OR Host <> 'localhost';
		DELETE FROM mysql.proxies_priv;
		FLUSH PRIVILEGES;
		ALTER USER root@localhost IDENTIFIED BY $password;
		CREATE USER root@'%' IDENTIFIED BY $password;
		GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
	SQL
	[ -z "${MARIADB_DATABASE:-}" ] || cat <<-SQL
		CREATE DATABASE $(named "$MARIADB_DATABASE");
	SQL
	[ -z "${MARIADB_USER:-}" ] || cat <<-SQL
		CREATE USER $(quoted "$MARIADB_USER")@'%' IDENTIFIED BY $(quoted "${MARIADB_PASSWORD:-}");
	SQL
	[ -z "${MARIADB_USER:-}" ] || [ -z "${MARIADB_DATABASE:-}" ] || cat <<-SQL
		GRANT ALL ON $(named "$MARIADB_DATABASE").* TO $(quoted "$MARIADB_USER")@'%';
	SQL
}

# prepare makes a new database aside and moves it into place, what marks it as
# complete last: a pod that is killed meanwhile begins again.
prepare() {
	if [ -z "${MARIADB_ROOT_PASSWORD:-}${MARIADB_ALLOW_EMPTY_ROOT_PASSWORD:-}" ]; then
		echo "a new database needs MARIADB_ROOT_PASSWORD or MARIADB_ALLOW_EMPTY_ROOT_PASSWORD in its environment" >&2
		exit 1
	fi
	rm -rf "$new"
	mkdir "$new"
	accounts >/tmp/accounts.sql
	mariadb-install-db --force --skip-test-db --auth-root-authentication-method=normal \
		--datadir="$new" --extra-file=/tmp/accounts.sql >/tmp/install.log 2>&1 || {
		cat /tmp/install.log >&2
		exit 1
	}
	rm /tmp/accounts.sql
	for made in "$new"/*; do
		case $made in
		*/mysql) ;;
		*) rm -rf "$data/${made##*/}" && mv "$made" "$data/" ;;
		esac
	done
	mv "$new/mysql" "$data/mysql"
	rm -rf "$new"
	echo "made a new database in $data"
}

case ${1:--} in
-*) ;;
mariadbd) shift ;;
*) exec "$@" ;;
esac

[ -d "$data/mysql" ] || prepare
exec mariadbd --datadir="$data" "$@"
