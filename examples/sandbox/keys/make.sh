#!/bin/sh
# Makes the keys and certificates of this folder anew, with OpenSSL 3. The keys of the certificate authorities are thrown
# away: nobody can add a certificate afterwards, so that a change makes all of them anew.
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p apple google

ec() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:"$2" -out "$1"; }
rsa() { openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1"; }

MERCHANT=merchant.example.sportello
hash_of() { printf %s "$1" | sha256sum | cut -c1-64 | tr a-f A-F; }

cat > "$scratch/ca.cnf" <<CNF
[ca]
default_ca = sandbox
[sandbox]
database = $scratch/index
new_certs_dir = $scratch
serial = $scratch/serial
unique_subject = no
policy = any
[any]
commonName = supplied
organizationalUnitName = optional
organizationName = optional
countryName = optional
[req]
distinguished_name = nothing
[nothing]
[root]
basicConstraints = critical, CA:TRUE
subjectKeyIdentifier = hash
keyUsage = critical, keyCertSign, cRLSign
[intermediate_unmarked]
basicConstraints = critical, CA:TRUE, pathlen:0
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, keyCertSign, cRLSign
[intermediate]
basicConstraints = critical, CA:TRUE, pathlen:0
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, keyCertSign, cRLSign
1.2.840.113635.100.6.2.14 = ASN1:NULL
[leaf_unmarked]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, digitalSignature
[leaf]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, digitalSignature
1.2.840.113635.100.6.29 = ASN1:NULL
[merchant]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, keyEncipherment, keyAgreement
1.2.840.113635.100.6.32 = ASN1:UTF8String:$(hash_of $MERCHANT)
[other_merchant]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, keyEncipherment, keyAgreement
1.2.840.113635.100.6.32 = ASN1:UTF8String:$(hash_of merchant.example.other)
[identity]
basicConstraints = critical, CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
1.2.840.113635.100.6.32 = ASN1:UTF8String:$(hash_of $MERCHANT)
CNF
: > "$scratch/index"
openssl rand -hex 8 > "$scratch/serial"

# certify FILE KEY SUBJECT EXTENSIONS DIGEST END ISSUER-CERTIFICATE ISSUER-KEY; without an issuer it signs itself.
certify() {
    openssl req -new -config "$scratch/ca.cnf" -key "$2" -subj "$3" -out "$scratch/request"
    if [ $# -gt 6 ]; then issuer="-cert $7 -keyfile $8"; else issuer="-selfsign -keyfile $2"; fi
    # shellcheck disable=SC2086 # the issuer is four words, or three
    openssl ca -batch -notext -config "$scratch/ca.cnf" $issuer -in "$scratch/request" -extensions "$4" -md "$5" \
        -startdate 20240101000000Z -enddate "$6" -out "$1" 2> "$scratch/said" || { cat "$scratch/said" >&2; exit 1; }
}

END=20460101000000Z
ROOT="/CN=Sandbox Wallet Root CA - G3/OU=Sandbox Certification Authority/O=Sandbox/C=IT"
INTERMEDIATE="/CN=Sandbox Wallet Integration CA - G3/OU=Sandbox Certification Authority/O=Sandbox/C=IT"
LEAF="/CN=sandbox-smp-broker-sign/OU=Sandbox Wallets/O=Sandbox/C=IT"
MERCHANTS="/CN=Sandbox Merchant CA/OU=Sandbox Certification Authority/O=Sandbox/C=IT"

# Who signs tokens. Apple signs its intermediate of P-256 with a root of P-384 and SHA-256, and so do we.
root="$scratch/root-key" intermediate="$scratch/intermediate-key"
ec "$root" P-384
ec "$intermediate" P-256
ec apple/leaf-key.pem P-256
rsa apple/leaf-rsa-key.pem
certify apple/root.pem "$root" "$ROOT" root sha384 $END
certify apple/intermediate.pem "$intermediate" "$INTERMEDIATE" intermediate sha256 $END apple/root.pem "$root"
under="apple/intermediate.pem $intermediate"
# shellcheck disable=SC2086 # certificate and key
{
    certify apple/leaf.pem apple/leaf-key.pem "$LEAF" leaf sha256 $END $under
    certify apple/leaf-rsa.pem apple/leaf-rsa-key.pem "$LEAF" leaf sha256 $END $under
    # What a verifier must refuse.
    certify apple/leaf-unmarked.pem apple/leaf-key.pem "$LEAF" leaf_unmarked sha256 $END $under
    certify apple/leaf-expired.pem apple/leaf-key.pem "$LEAF" leaf sha256 20250101000000Z $under
}
certify apple/intermediate-unmarked.pem "$intermediate" "$INTERMEDIATE" intermediate_unmarked sha256 $END \
    apple/root.pem "$root"
# The same names and markers under a root that nobody trusts.
ec "$root" P-384
ec "$intermediate" P-256
certify apple/other-root.pem "$root" "$ROOT" root sha384 $END
certify apple/other-intermediate.pem "$intermediate" "$INTERMEDIATE" intermediate sha256 $END apple/other-root.pem "$root"
certify apple/other-leaf.pem apple/leaf-key.pem "$LEAF" leaf sha256 $END apple/other-intermediate.pem "$intermediate"

# To whom tokens are sealed.
ec "$root" P-256
certify "$scratch/merchants" "$root" "$MERCHANTS" root sha256 $END
ec apple/merchant-key.pem P-256
rsa apple/merchant-rsa-key.pem
rsa apple/merchant-identity-key.pem
ec "$scratch/other-key" P-256
rsa "$scratch/other-rsa-key"
processing="/CN=Apple Pay Payment Processing:$MERCHANT/O=Sandbox/C=IT"
other="/CN=Apple Pay Payment Processing:merchant.example.other/O=Sandbox/C=IT"
by="$scratch/merchants $root"
# shellcheck disable=SC2086 # certificate and key
{
    certify apple/merchant.pem apple/merchant-key.pem "$processing" merchant sha256 $END $by
    certify apple/merchant-rsa.pem apple/merchant-rsa-key.pem "$processing" merchant sha256 $END $by
    certify apple/merchant-identity.pem apple/merchant-identity-key.pem "/CN=Apple Pay Merchant Identity:$MERCHANT/O=Sandbox/C=IT" identity sha256 $END $by
    certify apple/other-merchant.pem "$scratch/other-key" "$other" other_merchant sha256 $END $by
    certify apple/other-merchant-rsa.pem "$scratch/other-rsa-key" "$other" other_merchant sha256 $END $by
}

# Google: no certificates, but keys as it publishes them, in milliseconds since 1970.
ec google/root-key.pem P-256
ec google/merchant-key.pem P-256
openssl pkey -in google/merchant-key.pem -pubout -out google/merchant-public-key.pem
public=$(openssl pkey -in google/root-key.pem -pubout -outform DER | base64 | tr -d '\n')
printf '{\n  "keys": [\n    {\n      "keyValue": "%s",\n      "protocolVersion": "ECv2",\n      "keyExpiration": "2398377600000"\n    }\n  ]\n}\n' \
    "$public" > google/root-keys.json
