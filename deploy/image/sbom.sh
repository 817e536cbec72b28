#!/usr/bin/env bash
# Prints the software bill of materials of a root as SPDX 2.3 in JSON, from its dpkg's records.
#   sbom.sh ROOT VERSION
set -euo pipefail
root=$1 version=$2
created=$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)
id() { sed 's/[^A-Za-z0-9.-]/-/g' <<<"$1"; }

packages="" relations=""
# Names, versions and architectures of Debian have no character that JSON would want escaped.
while IFS=$'\t' read -r name its_version arch source source_version; do
  spdx=SPDXRef-Package-$(id "$name")
  packages+=$(printf '%s\n    {"SPDXID": "%s", "name": "%s", "versionInfo": "%s", "supplier": "%s", "downloadLocation": "NOASSERTION", "filesAnalyzed": false, "licenseConcluded": "NOASSERTION", "licenseDeclared": "%s", "copyrightText": "NOASSERTION", "sourceInfo": "built from source package %s %s", "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:deb/debian/%s@%s?arch=%s&distro=debian-12"}]}' \
    "${packages:+,}" "$spdx" "$name" "$its_version" \
    "$([[ $name == eldrd ]] && echo "Organization: ELDR" || echo "Organization: Debian")" \
    "$([[ $name == eldrd ]] && echo Apache-2.0 || echo NOASSERTION)" \
    "$source" "$source_version" "${name//+/%2B}" "${its_version//+/%2B}" "$arch")
  relations+=$(printf ',\n    {"spdxElementId": "SPDXRef-Image", "relationshipType": "CONTAINS", "relatedSpdxElement": "%s"}' "$spdx")
done < <(dpkg-query --admindir="$root/var/lib/dpkg" -W \
  -f '${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n' | sort)

cat <<JSON
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "eldrd-$version",
  "documentNamespace": "https://spdx.org/spdxdocs/eldrd-$version-$(sha256sum "$root/var/lib/dpkg/status" | cut -c1-32)",
  "creationInfo": {"created": "$created", "creators": ["Tool: eldr-sbom"]},
  "packages": [
    {"SPDXID": "SPDXRef-Image", "name": "eldrd-image", "versionInfo": "$version", "downloadLocation": "NOASSERTION", "filesAnalyzed": false, "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", "primaryPackagePurpose": "CONTAINER"},$packages
  ],
  "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-Image"}$relations
  ]
}
JSON
