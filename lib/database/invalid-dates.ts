const SETS_MODE = /^(\/\*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO)(' \*\/;)$/m;

/**
 * The head of a dump, so that the server takes dates in again that it has let in under ALLOW_INVALID_DATES: a dump program writes
 * them, and its head would turn each into 0000-00-00. What has no such line, or says so already, stays as it is.
 */
export function allowInvalidDates(head: Buffer): Buffer {
  const text = head.toString('latin1');
  const allowing = text.replace(SETS_MODE, '$1,ALLOW_INVALID_DATES$2');
  return allowing === text ? head : Buffer.from(allowing, 'latin1');
}
