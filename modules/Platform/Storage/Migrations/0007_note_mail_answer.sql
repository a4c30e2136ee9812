-- What the mail server answered to the last try: its code and its words, in one line and without addresses.
ALTER TABLE platform_mail ADD COLUMN answer TEXT;
