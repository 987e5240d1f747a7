#!/bin/sh
# certificate.sh FOLDER HOST
# Writes FOLDER/ssl.config of FOLDER/server.key and FOLDER/server.crt; makes those two, for HOST, where both are missing.
set -eu
folder=$1 host=$2
umask 077
there=0
for kind in key crt; do
    if [ -e "$folder/server.$kind" ]; then there=$((there + 1)); fi
done
if [ "$there" -eq 1 ]; then
    echo "$folder: of server.key and server.crt one is missing. Bring it, or move the other away to have both made." >&2
    exit 1
elif [ "$there" -eq 0 ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=$host" -addext "subjectAltName=DNS:$host" \
        -keyout "$folder/server.key" -out "$folder/server.crt" 2>/dev/null
fi
quoted() { sed 's/.*/  "&\\n"/' "$1"; }
{
    echo server_key:
    quoted "$folder/server.key"
    echo server_cert:
    quoted "$folder/server.crt"
} >"$folder/ssl.config"
