import { hostOf } from '../lab-plan.ts';
import { type Inside, insideOf, type Role, until } from './role.ts';

/** Binary log and GTID from the start; nothing here has to survive a power cut of the machine itself. */
const configuration = (serverId: number, isReplica: boolean) => `[mariadbd]
user = mysql
pid-file = /run/mysqld/mysqld.pid
datadir = /var/lib/mysql
log-error = /var/log/mysql/error.log
bind-address = 0.0.0.0
server-id = ${serverId}
log-bin = binlog
log-slave-updates = ON
gtid-domain-id = 1
gtid-strict-mode = ON
relay-log = relay
slave-net-timeout = 6
max-allowed-packet = 64M
innodb-buffer-pool-size = 32M
innodb-log-file-size = 16M
innodb-flush-log-at-trx-commit = 0
innodb-flush-method = nosync
${isReplica ? 'read-only = ON\n' : ''}`;

/** mariadbd as Debian ships it: root by unix_socket, the socket in /run/mysqld, settings in /etc/mysql. */
export const database: Role = {
  async install(inside) {
    const { number, spec } = inside.host;
    const text = configuration(number, spec.replicaOf !== undefined);
    await inside.write('/etc/mysql/mariadb.conf.d/50-server.cnf', text);
    await inside.must(['install', '-d', '-o', 'mysql', '-g', 'adm', '-m', '2750', '/var/log/mysql']);
  },
  async start(inside) {
    await inside.must(['install', '-d', '-o', 'mysql', '-g', 'root', '-m', '755', '/run/mysqld']);
    await inside.must(['sh', '-c', 'setsid mariadbd </dev/null >>/var/log/mysql/error.log 2>&1 &']);
    await until(`the database of ${inside.host.name} answers`, async () => (await sql(inside, 'DO 0')).exitCode === 0);
  },
  async settle(inside) {
    const { replicaOf } = inside.host.spec;
    if (replicaOf === undefined) return;
    const primary = hostOf(inside.plan, replicaOf);
    const account = `'replication'@'${inside.host.address}'`;
    await insideOf(inside.plan, primary).must(['mariadb'], {
      input: `CREATE USER ${account} IDENTIFIED BY 'lab'; GRANT REPLICATION SLAVE ON *.* TO ${account};`,
    });
    await inside.must(['mariadb'], {
      input: `CHANGE MASTER TO master_host='${primary.address}', master_user='replication', master_password='lab',
        master_use_gtid=slave_pos, master_connect_retry=1; START SLAVE;`,
    });
    await until(`${inside.host.name} replicates`, async () => {
      const { stdout } = await inside.must(['mariadb', '-E', '-e', 'SHOW SLAVE STATUS']);
      return /Slave_IO_Running: Yes/.test(stdout) && /Slave_SQL_Running: Yes/.test(stdout);
    });
  },
};

function sql(inside: Inside, statement: string) {
  return inside.try(['mariadb', '-e', statement]);
}
