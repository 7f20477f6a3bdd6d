/**
 * Loaded before every test, and before what teaches Node 20 TypeScript: these packages have hundreds of modules, and each
 * that is loaded afterwards goes through tsx.
 */
import 'tap';
import 'yaml';
import 'zod';
import 'zx';
