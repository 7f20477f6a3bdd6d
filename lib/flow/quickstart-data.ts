import { DatabaseName } from '../model/names.ts';

/*
 * What the quickstart backs up: three small databases with everything that a dump can lose: views, triggers,
 * routines, events, foreign keys, binary data, history, accounts with grants. Plain SQL for the mariadb client.
 */

export const QUICKSTART_DATABASES = ['shop', 'crm', 'blog'].map((name) => DatabaseName.parse(name));

/** Names of the application's accounts, dropped and restored with the databases. */
export const QUICKSTART_ACCOUNTS = ["'shop_app'@'localhost'", "'reporting'@'%'"] as const;

export const QUICKSTART_SQL = `
CREATE DATABASE shop CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE customer (
  id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL, email VARCHAR(120) UNIQUE, photo BLOB
) ENGINE=InnoDB;
CREATE TABLE orders (
  id INT AUTO_INCREMENT PRIMARY KEY, customer_id INT NOT NULL, cents BIGINT NOT NULL, note TEXT,
  placed_at DATETIME(6) NOT NULL, total DECIMAL(12,2) AS (cents / 100) VIRTUAL,
  KEY (placed_at), FOREIGN KEY (customer_id) REFERENCES customer (id)
) ENGINE=InnoDB;
CREATE TABLE price (article VARCHAR(20) PRIMARY KEY, cents INT) WITH SYSTEM VERSIONING;
INSERT INTO customer (name, email, photo)
  SELECT CONCAT(ELT(1 + seq % 5, 'Zoë', 'Jürgen', 'Ναταλία', '小林', 'Amélie'), ' ', seq), CONCAT('c', seq, '@example.org'),
         UNHEX(SHA2(seq, 512)) FROM seq_1_to_2000;
INSERT INTO orders (customer_id, cents, note, placed_at)
  SELECT 1 + seq % 2000, (seq * 7919) % 100000, CONCAT('order ', SHA2(seq, 256), ' of the year\\n', REPEAT('- packed with care ', seq % 9)),
         TIMESTAMP('2026-01-01') + INTERVAL seq MINUTE FROM seq_1_to_60000;
INSERT INTO price VALUES ('lamp', 1999), ('bread', 349);
UPDATE price SET cents = 2499 WHERE article = 'lamp';
CREATE VIEW turnover AS SELECT DATE(placed_at) AS day, SUM(cents) AS cents FROM orders GROUP BY day;
CREATE VIEW best_days AS SELECT * FROM turnover ORDER BY cents DESC LIMIT 10;
CREATE SEQUENCE invoice_number START WITH 100000;
DO NEXTVAL(invoice_number);
DELIMITER //
CREATE TRIGGER orders_positive BEFORE INSERT ON orders FOR EACH ROW
BEGIN
  -- Table structure for table \`not a table\`
  IF NEW.cents < 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'negative; refused'; END IF;
END //
CREATE PROCEDURE refund(IN which INT)
BEGIN
  UPDATE orders SET cents = 0 WHERE id = which; /* -- Dump completed */
END //
CREATE FUNCTION euros(cents BIGINT) RETURNS VARCHAR(30) DETERMINISTIC RETURN CONCAT(FORMAT(cents / 100, 2), ' €') //
CREATE EVENT nightly_clean ON SCHEDULE EVERY 1 DAY DO DELETE FROM orders WHERE placed_at < '2000-01-01' //
DELIMITER ;

CREATE DATABASE crm CHARACTER SET latin1;
USE crm;
CREATE TABLE contact (id INT PRIMARY KEY, said TEXT CHARACTER SET latin1, raw BLOB) ENGINE=InnoDB;
INSERT INTO contact
  SELECT seq, CONCAT('Gr\\'ü\\'ße "', seq, '" \\\\ C:\\\\new'), UNHEX(CONCAT('000A0D1A22275C', SHA2(seq, 256))) FROM seq_1_to_5000;

CREATE VIEW shop.known AS SELECT c.id, c.name, k.said FROM shop.customer c JOIN crm.contact k ON k.id = c.id;

CREATE DATABASE blog CHARACTER SET utf8mb4;
USE blog;
CREATE TABLE \`post and page\` (id INT PRIMARY KEY, body MEDIUMTEXT, FULLTEXT (body)) ENGINE=InnoDB;
INSERT INTO \`post and page\` SELECT seq, CONCAT('Once upon a night 🌙 ', REPEAT(SHA2(seq, 256), 20)) FROM seq_1_to_2000;

CREATE USER 'shop_app'@'localhost' IDENTIFIED BY 'demo-only';
GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON shop.* TO 'shop_app'@'localhost';
CREATE USER 'reporting'@'%' IDENTIFIED BY 'demo-only-too';
GRANT SELECT ON shop.* TO 'reporting'@'%';
`;
