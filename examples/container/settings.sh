#!/bin/sh
# Write .env for compose.yaml, once: asks for the name of the machine and a mailbox, makes the secrets.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
    echo ".env is there already, and stays as it is." >&2
    exit 1
fi
ask() {
    printf '%s: ' "$1" >&2
    read -r answer
    case "$answer" in
    '' | *[!A-Za-z0-9.@_+-]*)
        echo "That is no $1." >&2
        exit 1
        ;;
    esac
    printf '%s' "$answer"
}
secret() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}
host=$(ask "name of this machine, as rigline.example.org")
mail=$(ask "mailbox for the certificate authority")
umask 077
cat >.env <<END
RIGLINE_HOST=$host
ACME_EMAIL=$mail
POSTGRES_PASSWORD=$(secret)
RIGLINE_SECRET_KEY=$(secret)
RIGLINE_WEBHOOK_SECRET=$(secret)
END
echo "Wrote .env. Keep a copy of RIGLINE_SECRET_KEY elsewhere: backups need it." >&2
