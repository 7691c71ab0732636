// keygen KEY | encrypt RECIPIENT | decrypt KEY: content from stdin to stdout, by the age author's library for JavaScript.
import { readFileSync, writeFileSync } from "node:fs";
import { Decrypter, Encrypter, generateHybridIdentity, identityToRecipient } from "age-encryption";

const [, , what, key] = process.argv;
if (what === "keygen") {
  const identity = await generateHybridIdentity();
  writeFileSync(key, identity + "\n");
  console.log(await identityToRecipient(identity));
} else if (what === "encrypt") {
  const encrypter = new Encrypter();
  encrypter.addRecipient(key);
  process.stdout.write(await encrypter.encrypt(readFileSync(0)));
} else {
  const decrypter = new Decrypter();
  const lines = readFileSync(key, "utf8").split("\n");
  decrypter.addIdentity(lines.find((line) => line && !line.startsWith("#")));
  process.stdout.write(await decrypter.decrypt(readFileSync(0), "uint8array"));
}
