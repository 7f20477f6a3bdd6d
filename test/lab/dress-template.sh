#!/bin/sh
# Inside the template of a lab's hosts, once: folders and accounts of a Debian that was just installed.
#
#   dress-template.sh database|no-database
set -eu
umask 022
mkdir -p /boot /home /media /mnt /opt /srv /usr/local/bin /usr/local/etc /usr/local/lib /usr/local/sbin /usr/local/share
mkdir -m 700 /root
chmod 1777 /tmp
cd /var
mkdir -p backups cache lib/misc local log mail opt spool/cron
ln -s /run/lock lock
ln -s /run run
mkdir -m 1777 tmp
if getent group crontab >/dev/null; then
  mkdir -m 1730 spool/cron/crontabs
  chgrp crontab spool/cron/crontabs
fi
cd /etc
mkdir -p cron.d cron.daily cron.hourly cron.monthly cron.weekly profile.d ssh/sshd_config.d mysql/conf.d mysql/mariadb.conf.d
mkdir -m 750 sudoers.d
: >environment
: >resolv.conf
echo "127.0.0.1 localhost template" >hosts
cat >sudoers <<'END'
Defaults env_reset
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
%sudo ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
END
chmod 440 sudoers
cat >crontab <<'END'
SHELL=/bin/sh
END
cat >mysql/my.cnf <<'END'
[client-server]
socket = /run/mysqld/mysqld.sock
!includedir /etc/mysql/conf.d/
!includedir /etc/mysql/mariadb.conf.d/
END
# No password of the machine's accounts opens, or stands in, a host.
for secrets in shadow gshadow; do chmod 640 $secrets && chgrp shadow $secrets; done
getent passwd sshd >/dev/null || useradd --system --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd
[ "$1" = database ] || exit 0
getent passwd mysql >/dev/null ||
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /bin/false mysql
# Beside the overlay: only a host with a database gets it.
mkdir -m 700 /disk/mysql
chown mysql:mysql /disk/mysql
mariadb-install-db --no-defaults --user=mysql --datadir=/disk/mysql --auth-root-authentication-method=socket \
  --skip-test-db --innodb-log-file-size=16M >/disk/install.log 2>&1 || { cat /disk/install.log >&2; exit 1; }
