/** The version of this software as it stands in every manifest. A test holds it equal to package.json's. */
export const COFFRE_VERSION = '0.1.0';
