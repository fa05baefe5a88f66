import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/** A certificate with its private key, both as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Validity {
  /** Default: an hour ago, for clocks that are a little behind. */
  readonly from?: Date | undefined;
  /** Default: 10 years for an authority, 90 days for what it signs. */
  readonly to?: Date | undefined;
}

/** A certificate authority of one's own: what it signs is believed by those who were given its certificate, and by nobody else. */
export async function makeAuthority(name: string, { from, to }: Validity = {}): Promise<Certificate> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: ALGORITHM,
    ...period(from, to, 3650),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return pems(certificate, keys.privateKey);
}

/**
 * A certificate that `authority` signs: of a server for its host names and addresses, or of a client.
 *
 * @param hosts names and IP addresses that a server is reached by; ignored for a client
 */
export async function makeCertificate(
  authority: Certificate,
  about: { readonly name: string; readonly use: 'server' | 'client'; readonly hosts?: readonly string[] } & Validity,
): Promise<Certificate> {
  const issuer = new x509.X509Certificate(authority.cert);
  const signingKey = await crypto.subtle.importKey('pkcs8', derOf(authority.key), ALGORITHM, false, ['sign']);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const names = (about.hosts ?? []).map((host) => ({ type: isIP(host) ? 'ip' : 'dns', value: host }) as const);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [about.name] }],
    issuer: issuer.subjectName,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    ...period(about.from, about.to, 90),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        about.use === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(about.use === 'server' && names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return pems(certificate, keys.privateKey);
}

function period(from: Date | undefined, to: Date | undefined, days: number) {
  const notBefore = from ?? new Date(Date.now() - 3_600_000);
  return { notBefore, notAfter: to ?? new Date(Date.now() + days * DAY_MS) };
}

async function pems(certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<Certificate> {
  const der = await crypto.subtle.exportKey('pkcs8', key);
  return { cert: `${certificate.toString('pem')}\n`, key: `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n` };
}

function derOf(pem: string): ArrayBuffer {
  return x509.PemConverter.decodeFirst(pem);
}
