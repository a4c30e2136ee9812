#!/bin/sh
# Sends a first event, then says who it was. Needs nothing but curl.
#   CDP=http://127.0.0.1:5080 WRITE_KEY=… sh curl.sh
set -eu
: "${CDP:=http://127.0.0.1:5080}"
: "${WRITE_KEY:?Set WRITE_KEY to the write key of a source; its page in the console shows it.}"

call() {
  curl -fsS -u "$WRITE_KEY:" -H 'Content-Type: application/json' --data-binary @- "$CDP/v1/$1"
  echo
}

call track <<JSON
{
  "anonymousId": "curl-visitor-1",
  "event": "Product Viewed",
  "properties": { "product_id": "85123A", "name": "White Hanging Heart T-Light Holder", "price": 2.55, "currency": "GBP" }
}
JSON

call identify <<JSON
{
  "anonymousId": "curl-visitor-1",
  "userId": "curl-1",
  "traits": { "email": "kari.nordmann@mail.example", "name": "Kari Nordmann" },
  "context": { "consent": { "categoryPreferences": { "newsletter": true } } }
}
JSON
