#!/usr/bin/env python3
"""Makes the files of this folder.

    python3 make_samples.py DATA [OUT]

DATA holds online-retail/online_retail_half.csv.gz (real invoices) and generator/generate.py (made-up people). The same input
gives the same bytes. Python 3.11 or later, standard library only. README.md beside this file says what was changed and why.
"""
import csv
import datetime as dt
import gzip
import hashlib
import json
import random
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

SHIFT = dt.timedelta(days=5460)      # 780 weeks: the last order, of Friday 2011-12-09, falls on Friday 2026-11-20
END = dt.datetime(2026, 11, 20, 21, 0)
CUSTOMERS, CRM_ONLY, LETTER_ONLY, SIGN_UPS = 600, 140, 170, 40
SITE = "https://shop.example"
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
]
CITY = {"gb": ("Leeds", "Bristol", "York"), "no": ("Oslo", "Bergen", "Lillehammer"),
        "id": ("Bandung", "Semarang", "Surabaya"), "th": ("Bangkok", "Chiang Mai", "Phuket")}
COUNTRY = {"gb": "United Kingdom", "no": "Norway", "id": "Indonesia", "th": "Thailand"}


def rand(*what):
    """A random source of its own for each thing, so that one more row changes no other."""
    return random.Random(hashlib.sha256("|".join(map(str, what)).encode()).digest())


def people_of(data):
    """Made-up people with addresses below .example; nobody can be reached by mistake."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [sys.executable, str(data / "generator/generate.py"), "--people", "1200", "--events", "0", "--seed", "7",
             "--locales", "gb=55,no=20,id=15,th=10", "--noise", "0", "--domains", "safe", "--out", out],
            check=True, stdout=subprocess.DEVNULL)
        with open(Path(out) / "gold_people.csv", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["email"] and row["phone"]]
    seen, people = set(), []
    for row in sorted(rows, key=lambda row: row["person_id"]):
        shared = row["email"] in seen
        seen.add(row["email"])
        if not shared or rand("shared", row["person_id"]).random() < 0.3:      # a few couples share an address
            row["name"] = f"{row['given']} {row['surname']}" if row["surname"] != row["given"] else row["given"]
            people.append(row)
    return people


def invoices_of(data):
    """(customer, invoice) → its lines, of the customers that are taken."""
    by_customer = defaultdict(lambda: defaultdict(list))
    with gzip.open(data / "online-retail/online_retail_half.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["CustomerID"]:
                by_customer[row["CustomerID"].removesuffix(".0")][row["InvoiceNo"]].append(row)
    taken = sorted(by_customer, key=lambda c: hashlib.sha256(f"customer|{c}".encode()).hexdigest())[:CUSTOMERS]
    return {customer: by_customer[customer] for customer in sorted(taken)}


# ---- typing ----

def phone(r, e164):
    code = e164[:3]
    rest = e164[3:]
    return r.choice([e164, f"{code} {rest}", f"00{code[1:]}{rest}", f"({code}) {rest[:3]}-{rest[3:]}", f"{code} {rest[:4]} {rest[4:]}"])


def slip(r, word):
    if len(word) < 4:
        return word
    i = r.randrange(1, len(word) - 1)
    return r.choice([word[:i] + word[i + 1:], word[:i] + word[i] + word[i:], word[:i] + word[i + 1] + word[i] + word[i + 2:]])


def typed_name(r, given, surname):
    k = r.random()
    if k < 0.12:
        return given.upper(), surname.upper()
    if k < 0.2:
        return given[0] + ".", surname
    if k < 0.28:
        return slip(r, given), surname
    if k < 0.36:
        return given, slip(r, surname)
    if k < 0.4:
        return surname, given
    return given, surname


def typed_email(r, email):
    k = r.random()
    return email.upper() if k < 0.06 else email.capitalize() if k < 0.18 else f" {email}" if k < 0.22 else email


# ---- files ----

def write(path, header, rows, delimiter=",", encoding="utf-8"):
    with open(path, "w", encoding=encoding, newline="") as file:
        out = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def orders(out, invoices, shoppers):
    rows = []
    for customer, invoices_here in invoices.items():
        person = shoppers[customer]
        for invoice, lines in invoices_here.items():
            at = dt.datetime.fromisoformat(lines[0]["InvoiceDate"]) + SHIFT
            amount = sum(int(line["Quantity"]) * float(line["UnitPrice"]) for line in lines)
            best = max(lines, key=lambda line: (abs(int(line["Quantity"]) * float(line["UnitPrice"])), line["StockCode"]))
            guest = rand("guest", invoice).random() < 0.08
            rows.append((
                at.strftime("%Y-%m-%d %H:%M"), invoice, "Order Refunded" if invoice.startswith("C") else "Order Completed",
                "" if guest else customer, person["name"], person["email"], "" if guest else person["phone"], lines[0]["Country"],
                len(lines), sum(abs(int(line["Quantity"])) for line in lines), f"{abs(amount):.2f}", "GBP", best["Description"].strip()))
    rows.sort()
    write(out / "webshop-orders.csv",
          ["OrderedAt", "OrderId", "Event", "CustomerNumber", "CustomerName", "Email", "Phone", "Country", "Products", "Items",
           "Revenue", "Currency", "TopProduct"], rows)
    return len(rows)


def contacts(out, people):
    rows = []
    for person in people:
        r = rand("crm", person["person_id"])
        for copy in range(2 if r.random() < 0.07 else 1):
            given, surname = typed_name(r, person["given"], person["surname"])
            # A second card of the same person knows the phone or the e-mail address, not always both.
            email = "" if r.random() < (0.5 if copy else 0.08) else typed_email(r, person["email"])
            number = "" if email and r.random() < 0.3 else phone(r, person["phone"])
            created = END.date() - dt.timedelta(days=r.randrange(30, 1500))
            rows.append([r.random(), given, surname, email, number, r.choice(CITY[person["locale"]]), COUNTRY[person["locale"]],
                         person["birth_date"] if r.random() < 0.5 else "", r.choice(["", "Bronze", "Silver", "Gold"]),
                         created.strftime("%d/%m/%Y")])
    rows.sort()
    # What staff really type: these rows are refused, and the report says why.
    for place, (email, number) in enumerate([("ann.at.work", ""), ("", "ask her"), ("kari@", ""), ("tom jones@mail.example", "")]):
        rows.insert(97 * (place + 1), [0, "Somebody", "Unknown", email, number, "", "", "", "", "01/02/2026"])
    write(out / "crm-contacts.csv",
          ["ContactId", "FirstName", "LastName", "Email", "Mobile", "City", "Country", "Birthday", "Tier", "Created"],
          [[f"C-{10001 + n}", *row[1:]] for n, row in enumerate(rows)])
    return len(rows)


def newsletter(out, people):
    yes, no = ["yes", "yes", "yes", "Yes", "x", "subscribed"], ["no", "No", "unsubscribed"]
    rows = []
    for person in people:
        r = rand("letter", person["person_id"])
        said = [r.choice(yes) if k < share else r.choice(no) if k < share + 0.15 else ""
                for share in (0.66, 0.35, 0.45) for k in [r.random()]]
        decided = END - dt.timedelta(days=r.randrange(3, 900), minutes=r.randrange(0, 600))
        rows.append([r.random(), typed_email(r, person["email"]), person["name"] if r.random() < 0.7 else "", *said,
                     decided.strftime("%d.%m.%Y %H:%M") if any(said) else "", f"signup-{decided.year}" if any(said) else "",
                     r.choice(["", "", "vip", "fair 2026", "shop window"])])
    rows.sort()
    write(out / "newsletter.csv", ["E-mail", "Name", "Newsletter", "SMS offers", "Personal offers", "Decided", "Text", "Tag"],
          [row[1:] for row in rows], delimiter=";", encoding="utf-8-sig")
    return len(rows)


# ---- web ----

def products_of(invoices):
    sold = defaultdict(lambda: [0, "", 0.0])
    for by_invoice in invoices.values():
        for lines in by_invoice.values():
            for line in lines:
                if int(line["Quantity"]) > 0 and float(line["UnitPrice"]) > 0.5 and line["StockCode"][:5].isdigit():
                    entry = sold[line["StockCode"]]
                    entry[0], entry[1], entry[2] = entry[0] + 1, line["Description"].strip(), float(line["UnitPrice"])
    best = sorted(sold.items(), key=lambda item: (-item[1][0], item[0]))[:60]
    return [{"product_id": code, "name": name.title(), "price": price} for code, (_, name, price) in best]


def visitor(batches, products, n, person, customer, how):
    """The visits of one browser, a batch for each. how: customer (signs in), sign_up (leaves an address), stranger."""
    r = rand("visitor", n)
    browser = hashlib.sha256(f"browser|{n}".encode()).hexdigest()
    anonymous = f"{browser[:8]}-{browser[8:12]}-4{browser[13:16]}-a{browser[17:20]}-{browser[20:32]}"
    agent, tells = r.choice(AGENTS), r.random() < 0.85
    said = {"analytics": True, "advertising": r.random() < 0.4}
    user, count = None, 0
    visits = sorted(END - dt.timedelta(minutes=int(r.triangular(20, 43200, 12000))) for _ in range(r.choice([1, 1, 2, 3])))
    shared = {"userAgent": agent, "ip": f"203.0.113.{n % 250 + 1}",
              "locale": {"gb": "en-GB", "no": "nb-NO", "id": "id-ID", "th": "th-TH"}[person["locale"]]}

    def call(at, kind, **more):
        nonlocal count
        count += 1
        page = more.pop("page", "/")
        context = {"page": {"path": page, "url": SITE + page}, **more.pop("context", {})}
        if tells:
            context.setdefault("consent", {}).setdefault("categoryPreferences", dict(said))
        body = {"type": kind, "messageId": f"web-{n}-{count}", "anonymousId": anonymous}
        if user:
            body["userId"] = user
        batches[-1]["batch"].append({**body, "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"), **more, "context": context})

    for turn, at in enumerate(visits):
        batches.append({"batch": [], "context": shared})
        step = lambda: dt.timedelta(seconds=r.randrange(6, 140))
        from_letter = how == "customer" and r.random() < 0.25
        campaign = {"campaign": {"source": "newsletter", "medium": "email", "name": "november"}} if from_letter else {}
        call(at, "page", name="Home", page="/", properties={"path": "/"}, context=campaign)
        for _ in range(r.randrange(1, 5)):
            product = r.choice(products)
            path = f"/products/{product['product_id'].lower()}"
            at += step()
            call(at, "page", name="Product", page=path, properties={"path": path})
            call(at + dt.timedelta(seconds=1), "track", event="Product Viewed", page=path, properties={**product, "currency": "GBP"})
            if r.random() < 0.35:
                at += step()
                call(at, "track", event="Product Added", page=path, properties={**product, "quantity": r.randrange(1, 7), "currency": "GBP"})
        last = turn == len(visits) - 1
        if how == "customer" and user is None and (last or r.random() < 0.5):
            at, user = at + step(), customer
            call(at, "identify", page="/sign-in", traits={"email": person["email"], "name": person["name"]})
            at += step()
            call(at, "track", event="Signed In", page="/account", properties={})
        if how == "sign_up" and last:
            at += step()
            moment = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
            call(at, "identify", page="/newsletter", traits={"email": person["email"], "firstName": person["given"]},
                 context={"consent": {"decisions": [{"purpose": "newsletter", "channel": "email", "status": "granted", "at": moment,
                                                     "textVersion": "signup-2026"}]}})
            call(at, "track", event="Newsletter Signed Up", page="/newsletter", properties={"form": "footer"})
        if last and tells and r.random() < 0.06:
            at += step()
            said.update(advertising=False, analytics=r.random() < 0.5)
            call(at, "track", event="Segment Consent Preference Updated", page="/cookies", properties={})
        if r.random() < 0.3 and how == "customer":
            at += step()
            call(at, "track", event="Checkout Started", page="/checkout", properties={"currency": "GBP", "value": round(r.uniform(8, 180), 2)})


def web(out, invoices, shoppers, sign_ups, strangers):
    products, batches = products_of(invoices), []
    for n, customer in enumerate(customer for customer in shoppers if rand("web", customer).random() < 0.42):
        visitor(batches, products, n, shoppers[customer], customer, "customer")
    for n, person in enumerate(sign_ups):
        visitor(batches, products, 1000 + n, person, None, "sign_up")
    for n, person in enumerate(strangers):
        visitor(batches, products, 2000 + n, person, None, "stranger")
    batches.sort(key=lambda batch: (batch["batch"][0]["timestamp"], batch["batch"][0]["messageId"]))
    for n in range(60, len(batches), 120):      # phones send twice: the same messageIds come again
        batches.insert(n + 3, batches[n])
    for n in (100, 300, 500):                   # and some send nonsense: put aside, with the reason
        batches[n]["batch"].append({"type": "track", "messageId": f"web-broken-{n}", "anonymousId": batches[n]["batch"][0]["anonymousId"]})
    with open(out / "web-events.ndjson", "w", encoding="utf-8", newline="\n") as file:
        for batch in batches:
            file.write(json.dumps(batch, ensure_ascii=False, separators=(",", ":")) + "\n")
    return sum(len(batch["batch"]) for batch in batches)


def mapping(out, name, columns, **more):
    full = {"columns": {column: to if isinstance(to, dict) else {"to": to} for column, to in columns.items()}, **more}
    (out / name).write_text(json.dumps(full, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def mappings(out):
    trait = lambda name, type="text": {"to": "trait", "name": name, "type": type}
    prop = lambda name, type="text": {"to": "property", "name": name, "type": type}
    consent = lambda purpose, channel: {"to": "consent", "purpose": purpose, "channel": channel}
    mapping(out, "webshop-orders.map.json", {
        "OrderedAt": "time", "OrderId": prop("orderId"), "Event": "eventName", "CustomerNumber": "userId",
        "CustomerName": trait("name"), "Email": "email", "Phone": "phone", "Country": trait("country"),
        "Products": prop("products", "number"), "Items": prop("items", "number"), "Revenue": prop("revenue", "number"),
        "Currency": prop("currency"), "TopProduct": prop("topProduct")}, timeZone="Europe/London")
    mapping(out, "crm-contacts.map.json", {
        "ContactId": "ownId", "FirstName": trait("firstName"), "LastName": trait("lastName"), "Email": "email", "Mobile": "phone",
        "City": trait("city"), "Country": trait("country"), "Birthday": trait("birthday", "date"), "Tier": trait("tier"),
        "Created": "time"}, dateOrder="dmy")
    mapping(out, "newsletter.map.json", {
        "E-mail": "email", "Name": trait("name"), "Newsletter": consent("newsletter", "email"), "SMS offers": consent("offers", "sms"),
        "Personal offers": consent("personal_offers", "any"), "Decided": "consentTime", "Text": "consentText",
        "Tag": trait("newsletterTag")}, dateOrder="dmy", timeZone="Europe/London")


def main():
    data = Path(sys.argv[1])
    out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent
    people, invoices = people_of(data), invoices_of(data)
    shoppers = dict(zip(invoices, people))
    buyers, others = people[:CUSTOMERS], people[CUSTOMERS:]
    crm_only, letter_only = others[:CRM_ONLY], others[CRM_ONLY:CRM_ONLY + LETTER_ONLY]
    sign_ups = others[CRM_ONLY + LETTER_ONLY:CRM_ONLY + LETTER_ONLY + SIGN_UPS]
    strangers = people[:180]      # only their locale is used
    print("orders", orders(out, invoices, shoppers))
    print("contacts", contacts(out, [p for p in buyers if rand("in-crm", p["person_id"]).random() < 0.65] + crm_only))
    print("newsletter", newsletter(out, [p for p in buyers if rand("in-letter", p["person_id"]).random() < 0.7] + letter_only))
    print("calls", web(out, invoices, shoppers, sign_ups, strangers))
    mappings(out)


if __name__ == "__main__":
    main()
