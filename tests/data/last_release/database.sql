BEGIN TRANSACTION;
CREATE TABLE __diesel_schema_migrations (
       version VARCHAR(50) PRIMARY KEY NOT NULL,
       run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO "__diesel_schema_migrations" VALUES('20261122000001','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261123000001','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261123000002','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261123000004','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261123000006','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261123000007','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261123000008','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261123000010','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261123000012','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261123000013','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261125000010','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261125000015','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261125000020','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261125000030','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261125000040','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261125000050','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261125000055','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261125000060','2026-11-28 13:48:05');
INSERT INTO "__diesel_schema_migrations" VALUES('20261126000010','2026-11-28 13:48:05');
CREATE TABLE account_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    scope TEXT NOT NULL CHECK (scope IN ('full', 'restricted')),
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
INSERT INTO "account_sessions" VALUES('ses_01a22269c23576cb90508396ebb3a0b3','acc_01a22269c235740fae394e0c1f633416','full',1795873686069,NULL);
INSERT INTO "account_sessions" VALUES('ses_01a22269c2a479d4aebae77c34095768','acc_01a22269c2a479538ed745aaf6305012','full',1795873686180,NULL);
CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    phone TEXT UNIQUE,
    email TEXT,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT
, email_proven_at BIGINT);
INSERT INTO "accounts" VALUES('acc_01a22269c235740fae394e0c1f633416','+14155552671','alex@example.com',1795873686069,NULL,NULL);
INSERT INTO "accounts" VALUES('acc_01a22269c2a479538ed745aaf6305012','+14155552673','ben@example.com',1795873686180,NULL,NULL);
CREATE TABLE audit_events (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL
, seq BIGINT, hash TEXT, chain TEXT);
INSERT INTO "audit_events" VALUES('aud_01a22269c1b4731f9c1b9031ca45977c','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','link.created','lnk_01a22269c1b4724686c68e912e943d2c','{"after":{"assignee":null,"discreet":false,"forward_to":null,"label":"Poster","members":[],"notify":["stf_01a22269c1a07eaabbf9c81949fb7afd"],"owner":"tem_01a22269c1af7032aff300f977549eeb","state":"active","tags":["poster"],"welcome":null}}',1795873685940,1,'oqMFbOIeZOVBxYBthndyHPGQ26hK6rHeTcxPtt7zaPY','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c1ba7cf1a50b1a5e4e826ec0','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','link.created','lnk_01a22269c1ba73b1b1fab3997ae0e6e1','{"after":{"assignee":"stf_01a22269c1a07eaabbf9c81949fb7afd","discreet":false,"forward_to":null,"label":"Own","members":["stf_01a22269c1937ee1a0e0e84bb785830d"],"notify":[],"owner":"stf_01a22269c1a07eaabbf9c81949fb7afd","state":"active","tags":[],"welcome":null}}',1795873685946,2,'_oEB3cyJTYEUqNjtr9ugIBlaYkoMLgEIj48KPF_jo5c','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c1be76dba9ff068419b3bdc8','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','link.changed','lnk_01a22269c1ba73b1b1fab3997ae0e6e1','{"after":{"assignee":"stf_01a22269c1a07eaabbf9c81949fb7afd","discreet":false,"forward_to":null,"label":"Own","members":["stf_01a22269c1937ee1a0e0e84bb785830d"],"notify":[],"owner":"stf_01a22269c1a07eaabbf9c81949fb7afd","state":"paused","tags":[],"welcome":null},"before":{"assignee":"stf_01a22269c1a07eaabbf9c81949fb7afd","discreet":false,"forward_to":null,"label":"Own","members":["stf_01a22269c1937ee1a0e0e84bb785830d"],"notify":[],"owner":"stf_01a22269c1a07eaabbf9c81949fb7afd","state":"active","tags":[],"welcome":null}}',1795873685950,3,'fZoBDP4lqr0zTy9kbp_oKRe53piZrPgO1sUSRCRWjPM','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c1c277ed9cb0821a5f18b69b','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','link.changed','lnk_01a22269c1ba73b1b1fab3997ae0e6e1','{"after":{"assignee":"stf_01a22269c1a07eaabbf9c81949fb7afd","discreet":false,"forward_to":null,"label":"Own","members":["stf_01a22269c1937ee1a0e0e84bb785830d"],"notify":[],"owner":"stf_01a22269c1a07eaabbf9c81949fb7afd","state":"active","tags":[],"welcome":null},"before":{"assignee":"stf_01a22269c1a07eaabbf9c81949fb7afd","discreet":false,"forward_to":null,"label":"Own","members":["stf_01a22269c1937ee1a0e0e84bb785830d"],"notify":[],"owner":"stf_01a22269c1a07eaabbf9c81949fb7afd","state":"paused","tags":[],"welcome":null}}',1795873685954,4,'Xik42LKDwDhcwxhRAmwHj5QA4aeH2zaLzCygTKtTJX8','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c1c67b1bb0668abc7691790b','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','link.changed','lnk_01a22269c1ba73b1b1fab3997ae0e6e1','{"after":{"assignee":"stf_01a22269c1a07eaabbf9c81949fb7afd","discreet":false,"forward_to":null,"label":"Own","members":["stf_01a22269c1937ee1a0e0e84bb785830d"],"notify":[],"owner":"stf_01a22269c1a07eaabbf9c81949fb7afd","state":"retired","tags":[],"welcome":null},"before":{"assignee":"stf_01a22269c1a07eaabbf9c81949fb7afd","discreet":false,"forward_to":null,"label":"Own","members":["stf_01a22269c1937ee1a0e0e84bb785830d"],"notify":[],"owner":"stf_01a22269c1a07eaabbf9c81949fb7afd","state":"active","tags":[],"welcome":null}}',1795873685958,5,'tmiBytHthmS4K1suuW8qXMJyIP_kpxayzUC3ARTd_YU','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c1c970daa20df7f42f9c1b5a','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','webhook.created','whk_01a22269c1c9761499a49b780a86fe36','{"after":{"disabled_reason":null,"events":["pairing.created"],"label":"Software","origin":"https://hooks.example.org","state":"active"}}',1795873685961,6,'Tud62Hq4zfAA-DzxQt40QMc5FaEhZRo2TzhHGYcUEXk','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c1ce7463a66f5f45674bdc91','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','records.import_begun','imp_01a22269c1ce7738b03a4b8a0dffdd10','{"format":"csv","mode":"merge","rows":1}',1795873685966,7,'uJk5OMVUoiyMkQvht6u3tQUQ1MpWcVjThQPsdv3y0xc','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c1de71f6a180580962c78480','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','records.import_ended','imp_01a22269c1ce7738b03a4b8a0dffdd10','{"changed":0,"created":1,"left_out":0,"refused":0,"retired":0,"rows":1,"state":"done","unchanged":0,"unread":0}',1795873685982,8,'9DXBy_AE0UWB8yd4yPiPbxPI5hxmYLIlrpWDz7dDgUc','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c1e3775ebde8fdf990025316','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','invite.created','inv_01a22269c1e37e02899ff9e24b6fc28a','{"link":"lnk_01a22269c0e8787f9c01cf09b213341c"}',1795873685987,9,'g3Xi-gIoFRPR8RGaaYVKXZrRlhLLZnFoEdUCWy-dClo','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c1e3784a9ce11dd09295812e','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','invite.sent','inv_01a22269c1e37e02899ff9e24b6fc28a','{"link":"lnk_01a22269c0e8787f9c01cf09b213341c"}',1795873685987,10,'klqu2_VsfMrakaRkps8y40Qs29RNn_1-mi2KEC7uAmQ','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c23575c5a95b0e7e7ffaac87','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c235740fae394e0c1f633416','account.created','acc_01a22269c235740fae394e0c1f633416','{"patient":"pat_01a22269c2357f52a8368bc73428d5b5"}',1795873686069,11,'tx3rlKF_zgWz5DFjd1GkOfAYQ0x5CdmVIilMcrSIglg','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c235784b8b62735ea0f74731','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c235740fae394e0c1f633416','pairing.created','pai_01a22269c23576258265265962973364','{"conversation":"cnv_01a22269c23571fca3e71e17b52424e1","link":"lnk_01a22269c0e8787f9c01cf09b213341c","source":"typed"}',1795873686069,12,'UeOFUYdwktEVI_MmCGKPUzLPe6Rt7fkcNRyiQxp8zfU','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c2517ce3bd21bdd2567047bb','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1a07eaabbf9c81949fb7afd','conversation.unverified_acknowledged','cnv_01a22269c23571fca3e71e17b52424e1','{"identity":"unverified"}',1795873686097,13,'q1LgpTMJlvQaAH3OdKdSFw-0Aq-q4NAbnuLCViYltgc','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c2567fdcb0c1cdfe23a3b09f','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','identity.confirm','cnv_01a22269c23571fca3e71e17b52424e1','{"after":"confirmed","before":"unverified","decision":"idd_01a22269c2567390b0f0d057e9d98d2d","method":"call_back"}',1795873686102,14,'iOnU2lvkRE8s7JHuY5tzWcnjgdIZ50ByX9TlHldFJsg','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c2a478ac975d99b8eb508eb2','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c2a479538ed745aaf6305012','account.created','acc_01a22269c2a479538ed745aaf6305012','{"patient":"pat_01a22269c2a478369f969138da6626ca"}',1795873686180,15,'uQCDNu1AWlGoHmaQY18qrA6W44OFA7GyFSbrpNlZ1VE','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c2a47fdf97300ae535e4cfe1','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c2a479538ed745aaf6305012','pairing.created','pai_01a22269c2a47a42b9841104244d65ec','{"conversation":"cnv_01a22269c2a476778bb541c93738c766","link":"lnk_01a22269c0e8787f9c01cf09b213341c","source":"typed"}',1795873686180,16,'8BD1LZ8lThbQwP8Ngh47cncMcxJvN4FDxIRP8TJSWng','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c2b47c36b2fbab59cd5e6d95','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','identity.reject','cnv_01a22269c2a476778bb541c93738c766','{"after":"rejected","before":"unverified","decision":"idd_01a22269c2b47cae926120f2ad79d73b","method":null}',1795873686196,17,'GFAMWCDu2IBZnxUHYi6an93viuen40b9ROhBzCZTsoM','prc_01a22269c0e875619cb9f6c33f1f6186');
INSERT INTO "audit_events" VALUES('aud_01a22269c2c072ee862cae639e510980','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','notifications.changed','stf_01a22269c1a07eaabbf9c81949fb7afd','{"after":{"frequency":"daily","paused":false},"before":{"frequency":"immediate","paused":false},"link":"lnk_01a22269c1b4724686c68e912e943d2c"}',1795873686208,18,'nqEU4rVwmOMWRNyME50T_yeC97BukAhoSWQPEeVDsMo','prc_01a22269c0e875619cb9f6c33f1f6186');
CREATE TABLE audit_heads (
    chain TEXT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO "audit_heads" VALUES('prc_01a22269c0e875619cb9f6c33f1f6186',18,'nqEU4rVwmOMWRNyME50T_yeC97BukAhoSWQPEeVDsMo');
CREATE TABLE bounced_mailboxes (
    address_key TEXT NOT NULL PRIMARY KEY,
    person TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE budgets (
    key TEXT NOT NULL PRIMARY KEY,
    hits TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO "budgets" VALUES('0-invite:5rsfQI76u4_lKmLjFtvhlAwPErDV3uPw4Daifo4LaWQ','[[1795873685987,1]]',1796046485987);
INSERT INTO "budgets" VALUES('0-invite:XExL7oAVpKd2CDMycYDalytcx45xZP6VMK3e8Y9OQ-I','[[1795873685987,1]]',1796046485987);
INSERT INTO "budgets" VALUES('1-number:U9JZSAWonubIBMJKf6tQmQ4DDhtHTEmaUSD5oLen1Ok','[[1795873686001,1]]',1796046486001);
INSERT INTO "budgets" VALUES('2-ip:w_qXcdSFxov3I6R5MLHOZsIVhL1v0Y2SooCOqHFMVaM','[[1795873686001,1],[1795873686112,1]]',1795874886112);
INSERT INTO "budgets" VALUES('3-practice:2mpOp9OkCUGbuUjeRHYvokHbYie2LBWsJsFKmnlcujM','[[1795873686435,2]]',1795874886112);
INSERT INTO "budgets" VALUES('4-country:QIF-w9PYYbInXSlEwXNTxaPNsoZ6WXDRbzrDmi-SwnA','[[1795873686435,2]]',1795874886112);
INSERT INTO "budgets" VALUES('1-number:uSNsqicJIiDrfhD3u03nXUA0HoNMBJU0x94X2jo-IIo','[[1795873686112,1]]',1796046486112);
CREATE TABLE caught_messages (
    id TEXT NOT NULL PRIMARY KEY,
    dedupe_key TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL CHECK (channel IN ('sms', 'voice', 'email')),
    recipient TEXT NOT NULL,
    body TEXT NOT NULL,
    code TEXT,
    created_at BIGINT NOT NULL
);
INSERT INTO "caught_messages" VALUES('cgt_01a22269c1ee73dbbaa714c2e17b8d01','invite:9WvFlsqCM78TZyVke2E5LjYNZxjZrVBWrRONaPIyfMo','email','sam@example.com','Confirm your e-mail address

Confirm your e-mail address
Oak Street Family Medicine

You are invited to exchange secure messages. The invite itself comes to your phone as a text message; the button below confirms that this address is yours too.

Confirm this address:
http://127.0.0.1:39655/i/BsXvWrTH31DW2qNd7KaBaw/email

The button works for 24 hours.
If you do not expect this, do nothing: without both messages nobody can use the invite.',NULL,1795873685998);
INSERT INTO "caught_messages" VALUES('cgt_01a22269c1f97ca0a2c74f3c7aa8dd10','sms:ver_01a22269c1f17b2284a35affb51d0bb2:1','sms','+14155552671','872177 is your code for Oak Street Family Medicine.

@127.0.0.1 #872177','872177',1795873686009);
INSERT INTO "caught_messages" VALUES('cgt_01a22269c24171ac933093274f4b25e9','mail:pai_01a22269c23576258265265962973364:prc_01a22269c0e875619cb9f6c33f1f6186','email','frontdesk@oakstreet.example','A new patient connected

A new patient connected
Oak Street Family Medicine

There is a new conversation in your practice’s inbox. Confirm who it is before you share health information.

When: Nov 28, 2026, 7:48 AM CST
Link: Demo flyer

Open the inbox (it asks you to sign in):
http://127.0.0.1:39655/console

This e-mail holds no patient details, on purpose: you see them only after you sign in.

Stop e-mails about this link:
http://127.0.0.1:39655/unsubscribe/cHJjXzAxYTIyMjY5YzBlODc1NjE5Y2I5ZjZjMzNmMWY2MTg2IGxua18wMWEyMjI2OWMwZTg3ODdmOWMwMWNmMDliMjEzMzQxYw.IjeFehN--O6o8YNoPTMT_L_31oVDtl2QXAwGZmjFHaw
',NULL,1795873686081);
INSERT INTO "caught_messages" VALUES('cgt_01a22269c2697eb3b75d5c23389e2829','sms:ver_01a22269c26074d8bce549158366dce5:1','sms','+14155552673','557254 is your code for Oak Street Family Medicine.

@127.0.0.1 #557254','557254',1795873686121);
INSERT INTO "caught_messages" VALUES('cgt_01a22269c2af7d40966cb07e7f23dba2','mail:pai_01a22269c2a47a42b9841104244d65ec:prc_01a22269c0e875619cb9f6c33f1f6186','email','frontdesk@oakstreet.example','A new patient connected

A new patient connected
Oak Street Family Medicine

There is a new conversation in your practice’s inbox. Confirm who it is before you share health information.

When: Nov 28, 2026, 7:48 AM CST
Link: Demo flyer

Open the inbox (it asks you to sign in):
http://127.0.0.1:39655/console

This e-mail holds no patient details, on purpose: you see them only after you sign in.

Stop e-mails about this link:
http://127.0.0.1:39655/unsubscribe/cHJjXzAxYTIyMjY5YzBlODc1NjE5Y2I5ZjZjMzNmMWY2MTg2IGxua18wMWEyMjI2OWMwZTg3ODdmOWMwMWNmMDliMjEzMzQxYw.IjeFehN--O6o8YNoPTMT_L_31oVDtl2QXAwGZmjFHaw
',NULL,1795873686191);
CREATE TABLE check_budgets (
    phone_key TEXT NOT NULL PRIMARY KEY,
    fails INTEGER NOT NULL,
    fails_in_a_row INTEGER NOT NULL,
    window_ends_at BIGINT NOT NULL,
    next_check_at BIGINT NOT NULL
);
INSERT INTO "check_budgets" VALUES('efF5g0ZrUGCaEFnIgj5w88p2jLwBhFvNVIl7d0x_xCI',0,0,1795960086064,1795873686001);
INSERT INTO "check_budgets" VALUES('mGJ_8l8_0GqhINR_n7v6QIdizbKY-I1ZUGvFZhdOmj0',0,0,1795960086175,1795873686112);
CREATE TABLE conversation_tags (
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    tag TEXT NOT NULL, given BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (conversation_id, tag)
);
INSERT INTO "conversation_tags" VALUES('cnv_01a22269c23571fca3e71e17b52424e1','demo',1);
INSERT INTO "conversation_tags" VALUES('cnv_01a22269c2a476778bb541c93738c766','demo',1);
CREATE TABLE conversations (
    id TEXT NOT NULL PRIMARY KEY,
    pairing_id TEXT NOT NULL UNIQUE REFERENCES pairings (id),
    practice_id TEXT NOT NULL REFERENCES practices (id),
    status TEXT NOT NULL CHECK (status IN ('open', 'closed')),
    entry_count INTEGER NOT NULL,
    created_at BIGINT NOT NULL
, owner TEXT NOT NULL DEFAULT 'practice', assignee_id TEXT REFERENCES staff (id), link_id TEXT, identity TEXT NOT NULL DEFAULT 'unverified'
    CHECK (identity IN ('unverified', 'confirmed', 'rejected', 're_verify')), last_entry_at BIGINT NOT NULL DEFAULT 0, unread BOOLEAN NOT NULL DEFAULT TRUE, read_position INTEGER NOT NULL DEFAULT 0, patient_read_position INTEGER NOT NULL DEFAULT 0, acknowledged_by TEXT, acknowledged_at BIGINT, endpoint_id TEXT, identity_since BIGINT NOT NULL DEFAULT 0, to_verify BOOLEAN NOT NULL DEFAULT FALSE, met_at BIGINT);
INSERT INTO "conversations" VALUES('cnv_01a22269c23571fca3e71e17b52424e1','pai_01a22269c23576258265265962973364','prc_01a22269c0e875619cb9f6c33f1f6186','open',5,1795873686069,'practice',NULL,'lnk_01a22269c0e8787f9c01cf09b213341c','confirmed',1795873686102,1,0,0,'stf_01a22269c1a07eaabbf9c81949fb7afd',1795873686097,'lnk_01a22269c0e8787f9c01cf09b213341c',1795873686102,0,1795873686102);
INSERT INTO "conversations" VALUES('cnv_01a22269c2a476778bb541c93738c766','pai_01a22269c2a47a42b9841104244d65ec','prc_01a22269c0e875619cb9f6c33f1f6186','closed',3,1795873686180,'practice',NULL,'lnk_01a22269c0e8787f9c01cf09b213341c','rejected',1795873686196,1,0,0,NULL,NULL,'lnk_01a22269c0e8787f9c01cf09b213341c',1795873686196,0,NULL);
CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    outbox_id TEXT NOT NULL REFERENCES outbox (id),
    attempt INTEGER NOT NULL,
    outcome TEXT,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
, provider TEXT, reference TEXT, receipt TEXT NOT NULL DEFAULT 'none'
    CHECK (receipt IN ('none', 'accepted', 'sent', 'undelivered', 'delivered')), receipt_at BIGINT);
INSERT INTO "deliveries" VALUES('dlv_01a22269c1d273a9865469c6a20e50a3','out_01a22269c1ce7fc299820b4375b78f6d',1,'sent',1795873685970,1795873685982,NULL,NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c1e27767a90781f82052904b','out_01a22269c1de77389e0b5eec3fea5112',1,'sent',1795873685986,1795873685993,NULL,NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c1ea73cfb97d1d3b2d98801a','out_01a22269c1e37f9e957233fffbdeb57a',1,'sent',1795873685994,1795873686001,'development',NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c1f67e128c3b02b3583871fe','out_01a22269c1f1780d9499a3040c757dc3',1,'sent',1795873686006,1795873686010,'development',NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c23d7d9eb8aca7241dcac77f','out_01a22269c23576bc8b386e04b9bf6f66',1,'sent',1795873686077,1795873686088,'development',NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c23e7b55904912b2ea8d7c62','out_01a22269c2357cf29f5f4f6f6214a1fb',1,'sent',1795873686078,1795873686082,NULL,NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c23e7913b42c31a2ed556ae0','out_01a22269c2357eb3b00aec9e71df10ce',1,'unreachable',1795873686078,1795873686087,'webhook',NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c26571c2abbe3f8ee1c8b171','out_01a22269c2607533beb0b81e0a7d33c6',1,'sent',1795873686117,1795873686122,'development',NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c2ac7f1289cb703374b28e67','out_01a22269c2a47e26abf4f42720f48f30',1,'sent',1795873686188,1795873686203,'development',NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c2ac7ba8b84a9f1a64ebd3b7','out_01a22269c2a47467a3348b80e81c44d8',1,'unreachable',1795873686188,1795873686195,'webhook',NULL,'none',NULL);
INSERT INTO "deliveries" VALUES('dlv_01a22269c2ad7800a7173b30023bd412','out_01a22269c2a476c9966669381f72aedf',1,'sent',1795873686189,1795873686194,NULL,NULL,'none',NULL);
CREATE TABLE digests (
    id TEXT NOT NULL PRIMARY KEY,
    person TEXT NOT NULL,
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    count INTEGER NOT NULL,
    first_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL
, last_at BIGINT NOT NULL DEFAULT 0);
CREATE TABLE email_codes (
    -- The account, for an address that it wants; the sign-in, for being let in.
    asked_by TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    email TEXT NOT NULL,
    -- What the code is made of, under a key that is not in here.
    seed TEXT NOT NULL,
    tries INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE entries (
    id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    position INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('welcome', 'system', 'message')),
    author TEXT NOT NULL CHECK (author IN ('practice', 'patient', 'system')),
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL, author_id TEXT,
    UNIQUE (conversation_id, position)
);
INSERT INTO "entries" VALUES('ent_01a22269c23573f6a6eab1c7e3f00603','cnv_01a22269c23571fca3e71e17b52424e1',1,'welcome','practice','Welcome to Oak Street Family Medicine. How can we help?',1795873686069,NULL);
INSERT INTO "entries" VALUES('ent_01a22269c235721aa1ed6c4d000f7aee','cnv_01a22269c23571fca3e71e17b52424e1',2,'system','system','Connected with Oak Street Family Medicine.',1795873686069,NULL);
INSERT INTO "entries" VALUES('ent_01a22269c24d7350a9b51f29cdfe918c','cnv_01a22269c23571fca3e71e17b52424e1',3,'message','patient','Hello',1795873686093,NULL);
INSERT INTO "entries" VALUES('ent_01a22269c25174d7b6172436dcd9661a','cnv_01a22269c23571fca3e71e17b52424e1',4,'message','practice','Hello Alex',1795873686097,'stf_01a22269c1a07eaabbf9c81949fb7afd');
INSERT INTO "entries" VALUES('ent_01a22269c256751dbc75fc96cb049854','cnv_01a22269c23571fca3e71e17b52424e1',5,'system','system','The practice confirmed who you are.',1795873686102,NULL);
INSERT INTO "entries" VALUES('ent_01a22269c2a4789b88161a966204457e','cnv_01a22269c2a476778bb541c93738c766',1,'welcome','practice','Welcome to Oak Street Family Medicine. How can we help?',1795873686180,NULL);
INSERT INTO "entries" VALUES('ent_01a22269c2a47f43ada4c24860fbb9c6','cnv_01a22269c2a476778bb541c93738c766',2,'system','system','Connected with Oak Street Family Medicine.',1795873686180,NULL);
INSERT INTO "entries" VALUES('ent_01a22269c2b47216afaddf24442ea993','cnv_01a22269c2a476778bb541c93738c766',3,'system','system','This conversation is closed. If you have questions, please call the practice.',1795873686196,NULL);
CREATE TABLE funnel_counts (
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    day TEXT NOT NULL,
    step TEXT NOT NULL,
    channel TEXT NOT NULL,
    slot INTEGER NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (link_id, day, step, channel, slot)
);
CREATE TABLE funnel_events (
    id TEXT NOT NULL PRIMARY KEY,
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    step TEXT NOT NULL,
    channel TEXT NOT NULL,
    count BIGINT NOT NULL,
    at BIGINT NOT NULL,
    batch TEXT
);
INSERT INTO "funnel_events" VALUES('fun_01a22269c1ee739ebb375cd7a497caed','lnk_01a22269c0e8787f9c01cf09b213341c','code_typed','',1,1795873685998,NULL);
INSERT INTO "funnel_events" VALUES('fun_01a22269c1fa7e5c82b269fa844ed725','lnk_01a22269c0e8787f9c01cf09b213341c','sms_sent','',1,1795873686010,NULL);
INSERT INTO "funnel_events" VALUES('fun_01a22269c2307e0797125b9282af766a','lnk_01a22269c0e8787f9c01cf09b213341c','verified','',1,1795873686064,NULL);
INSERT INTO "funnel_events" VALUES('fun_01a22269c2357abbab6216c3ebd87cb6','lnk_01a22269c0e8787f9c01cf09b213341c','paired','',1,1795873686069,NULL);
INSERT INTO "funnel_events" VALUES('fun_01a22269c2567ec0aa39e842bc5842fc','lnk_01a22269c0e8787f9c01cf09b213341c','confirmed','',1,1795873686102,NULL);
INSERT INTO "funnel_events" VALUES('fun_01a22269c25e783c900e87c020b34c25','lnk_01a22269c0e8787f9c01cf09b213341c','code_typed','',1,1795873686110,NULL);
INSERT INTO "funnel_events" VALUES('fun_01a22269c26a7796ba97ccb12c4fae90','lnk_01a22269c0e8787f9c01cf09b213341c','sms_sent','',1,1795873686122,NULL);
INSERT INTO "funnel_events" VALUES('fun_01a22269c29f77a1accec33026a5a4ac','lnk_01a22269c0e8787f9c01cf09b213341c','verified','',1,1795873686175,NULL);
INSERT INTO "funnel_events" VALUES('fun_01a22269c2a47cca8b2278c56f0f7543','lnk_01a22269c0e8787f9c01cf09b213341c','paired','',1,1795873686180,NULL);
INSERT INTO "funnel_events" VALUES('fun_01a22269c2b47f44b7b40b4a47f1e75c','lnk_01a22269c0e8787f9c01cf09b213341c','rejected','',1,1795873686196,NULL);
CREATE TABLE idempotency_keys (
    key_hash TEXT NOT NULL PRIMARY KEY,
    request_mac TEXT NOT NULL,
    answer BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE identity_decisions (
    id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    -- From 1: two of one moment have an order too.
    position INTEGER NOT NULL,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    kind TEXT NOT NULL CHECK (kind IN ('confirm', 'reject', 'undo', 're_verify')),
    -- Of a confirmation how it was made, of a `re_verify` why.
    method TEXT,
    note TEXT,
    actor TEXT NOT NULL,
    record_id TEXT,
    compared TEXT,
    state_before TEXT NOT NULL,
    state_after TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO "identity_decisions" VALUES('idd_01a22269c2567390b0f0d057e9d98d2d','cnv_01a22269c23571fca3e71e17b52424e1',1,'prc_01a22269c0e875619cb9f6c33f1f6186','confirm','call_back',NULL,'stf_01a22269c1937ee1a0e0e84bb785830d',NULL,'{"candidates":[{"birth_date":"equal","email":"equal","email_proven":false,"family_name":"equal","given_name":"equal","phone":"equal","record":"rec_01a22269c1de722ca64cab7a6aaaf3c1"}],"grade":"match"}','unverified','confirmed',1795873686102);
INSERT INTO "identity_decisions" VALUES('idd_01a22269c2b47cae926120f2ad79d73b','cnv_01a22269c2a476778bb541c93738c766',1,'prc_01a22269c0e875619cb9f6c33f1f6186','reject',NULL,NULL,'stf_01a22269c1937ee1a0e0e84bb785830d',NULL,'{"candidates":[],"grade":"none"}','unverified','rejected',1795873686196);
CREATE TABLE identity_grades (
    conversation_id TEXT NOT NULL PRIMARY KEY REFERENCES conversations (id),
    grade TEXT NOT NULL CHECK (grade IN ('match', 'certain', 'partial', 'ambiguous', 'none')),
    candidates INTEGER NOT NULL,
    record_id TEXT,
    graded_at BIGINT NOT NULL
);
INSERT INTO "identity_grades" VALUES('cnv_01a22269c23571fca3e71e17b52424e1','match',1,'rec_01a22269c1de722ca64cab7a6aaaf3c1',1795873686082);
INSERT INTO "identity_grades" VALUES('cnv_01a22269c2a476778bb541c93738c766','none',0,NULL,1795873686194);
CREATE TABLE import_chunks (
    import_id TEXT NOT NULL REFERENCES record_imports (id),
    -- From 0.
    position BIGINT NOT NULL,
    -- The number of its first row, from 1.
    first_row BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    is_done BOOLEAN NOT NULL,
    -- Emptied with its result.
    source BYTEA,
    -- Lines of the result file.
    results TEXT,
    PRIMARY KEY (import_id, position)
);
INSERT INTO "import_chunks" VALUES('imp_01a22269c1ce7738b03a4b8a0dffdd10',0,1,1,1,NULL,'1,1,created,,
');
CREATE TABLE inbound_texts (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);
CREATE TABLE invite_import_rows (
    import_id TEXT NOT NULL REFERENCES invite_imports (id),
    line INTEGER NOT NULL,
    -- What the row says, until it has a result.
    written TEXT,
    result TEXT,
    invite_id TEXT,
    PRIMARY KEY (import_id, line)
);
CREATE TABLE invite_imports (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    created_by TEXT NOT NULL,
    total INTEGER NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE invites (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- Whose tags, owner and welcome the conversation gets.
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    created_by TEXT NOT NULL,
    name TEXT,
    phone TEXT,
    email TEXT,
    language TEXT NOT NULL CHECK (language IN ('en', 'es')),
    state TEXT NOT NULL CHECK (state IN ('draft', 'sent', 'opened', 'phone_ok', 'email_ok', 'accepted', 'expired',
        'revoked', 'bounced')),
    token_hash TEXT UNIQUE,
    email_hash TEXT UNIQUE,
    email_hash_expires_at BIGINT,
    sends INTEGER NOT NULL,
    sent_at BIGINT,
    -- When the text goes: not before morning.
    text_due_at BIGINT,
    opened_at BIGINT,
    phone_proven_at BIGINT,
    email_proven_at BIGINT,
    -- Somebody tried to accept it with another number.
    other_number_at BIGINT,
    bounced_channel TEXT CHECK (bounced_channel IN ('sms', 'email')),
    accepted_at BIGINT,
    revoked_at BIGINT,
    name_agrees BOOLEAN,
    account_id TEXT,
    conversation_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO "invites" VALUES('inv_01a22269c1e37e02899ff9e24b6fc28a','prc_01a22269c0e875619cb9f6c33f1f6186','lnk_01a22269c0e8787f9c01cf09b213341c','stf_01a22269c1937ee1a0e0e84bb785830d','Sam Stone','+14155552672','sam@example.com','en','sent','QBCjgDzppnyvV7o4Y9WPwkD6F9xpVZ3HmbBiMOCtOys','9WvFlsqCM78TZyVke2E5LjYNZxjZrVBWrRONaPIyfMo',1795960085987,1,1795873685987,1795874400000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795873685987,1796478485987);
CREATE TABLE link_people (
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    staff_id TEXT NOT NULL REFERENCES staff (id),
    part TEXT NOT NULL CHECK (part IN ('member', 'notify')),
    PRIMARY KEY (link_id, staff_id, part)
);
INSERT INTO "link_people" VALUES('lnk_01a22269c1b4724686c68e912e943d2c','stf_01a22269c1a07eaabbf9c81949fb7afd','notify');
INSERT INTO "link_people" VALUES('lnk_01a22269c1ba73b1b1fab3997ae0e6e1','stf_01a22269c1937ee1a0e0e84bb785830d','member');
CREATE TABLE live_events (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL,
    account_id TEXT,
    conversation_id TEXT,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at BIGINT NOT NULL
, seq BIGINT, place INTEGER NOT NULL DEFAULT 0);
INSERT INTO "live_events" VALUES('evt_01a22269c235758091fea1bfb0b7f79c','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c235740fae394e0c1f633416','cnv_01a22269c23571fca3e71e17b52424e1','conversation.created','{"conversation_id":"cnv_01a22269c23571fca3e71e17b52424e1","pairing_id":"pai_01a22269c23576258265265962973364"}',1795873686069,1795873686078,0);
INSERT INTO "live_events" VALUES('evt_01a22269c24d7d81a7e7e443d6f2f71e','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c235740fae394e0c1f633416','cnv_01a22269c23571fca3e71e17b52424e1','entry.created','{"author":"patient","conversation_id":"cnv_01a22269c23571fca3e71e17b52424e1","entry_id":"ent_01a22269c24d7350a9b51f29cdfe918c","position":3}',1795873686093,1795873686104,3);
INSERT INTO "live_events" VALUES('evt_01a22269c25176c597e8929874b124e4','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c235740fae394e0c1f633416','cnv_01a22269c23571fca3e71e17b52424e1','entry.created','{"author":"practice","conversation_id":"cnv_01a22269c23571fca3e71e17b52424e1","entry_id":"ent_01a22269c25174d7b6172436dcd9661a","position":4}',1795873686097,1795873686104,4);
INSERT INTO "live_events" VALUES('evt_01a22269c2567ecca6cbb557e886eb81','prc_01a22269c0e875619cb9f6c33f1f6186',NULL,'cnv_01a22269c23571fca3e71e17b52424e1','identity.changed','{"conversation_id":"cnv_01a22269c23571fca3e71e17b52424e1","phi_allowed":true,"state":"confirmed"}',1795873686102,1795873686104,4);
INSERT INTO "live_events" VALUES('evt_01a22269c256794aa2b49f47e3733eff','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c235740fae394e0c1f633416','cnv_01a22269c23571fca3e71e17b52424e1','entry.created','{"author":"system","conversation_id":"cnv_01a22269c23571fca3e71e17b52424e1","entry_id":"ent_01a22269c256751dbc75fc96cb049854","position":5}',1795873686102,1795873686104,5);
INSERT INTO "live_events" VALUES('evt_01a22269c2a47406a16f291613145a03','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c2a479538ed745aaf6305012','cnv_01a22269c2a476778bb541c93738c766','conversation.created','{"conversation_id":"cnv_01a22269c2a476778bb541c93738c766","pairing_id":"pai_01a22269c2a47a42b9841104244d65ec"}',1795873686180,1795873686189,0);
INSERT INTO "live_events" VALUES('evt_01a22269c2b47a1489836e3be36c3c31','prc_01a22269c0e875619cb9f6c33f1f6186',NULL,'cnv_01a22269c2a476778bb541c93738c766','identity.changed','{"conversation_id":"cnv_01a22269c2a476778bb541c93738c766","phi_allowed":false,"state":"rejected"}',1795873686196,NULL,2);
INSERT INTO "live_events" VALUES('evt_01a22269c2b472d9a0af7c3a6bddbfe3','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c2a479538ed745aaf6305012','cnv_01a22269c2a476778bb541c93738c766','entry.created','{"author":"system","conversation_id":"cnv_01a22269c2a476778bb541c93738c766","entry_id":"ent_01a22269c2b47216afaddf24442ea993","position":3}',1795873686196,NULL,3);
INSERT INTO "live_events" VALUES('evt_01a22269c2b47d9c9205086b793777e1','prc_01a22269c0e875619cb9f6c33f1f6186','acc_01a22269c2a479538ed745aaf6305012','cnv_01a22269c2a476778bb541c93738c766','conversation.changed','{"conversation_id":"cnv_01a22269c2a476778bb541c93738c766"}',1795873686196,NULL,3);
CREATE TABLE mail_reports (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);
CREATE TABLE mailed (
    outbox_id TEXT NOT NULL PRIMARY KEY,
    address_key TEXT NOT NULL,
    bounced_at BIGINT,
    created_at BIGINT NOT NULL
);
INSERT INTO "mailed" VALUES('out_01a22269c23576bc8b386e04b9bf6f66','PqCMScUYLW1KLO7h6yExk9wQOzUmcF5eSOp1vc9ATBE',NULL,1795873686088);
INSERT INTO "mailed" VALUES('out_01a22269c2a47e26abf4f42720f48f30','PqCMScUYLW1KLO7h6yExk9wQOzUmcF5eSOp1vc9ATBE',NULL,1795873686203);
CREATE TABLE notice_preferences (
    person TEXT NOT NULL,
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    frequency TEXT NOT NULL CHECK (frequency IN ('immediate', 'hourly', 'daily', 'off')),
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (person, link_id)
);
INSERT INTO "notice_preferences" VALUES('stf_01a22269c1a07eaabbf9c81949fb7afd','lnk_01a22269c1b4724686c68e912e943d2c','daily',1795873686208);
CREATE TABLE notice_turns (
    practice_id TEXT NOT NULL PRIMARY KEY REFERENCES practices (id),
    taken_at BIGINT NOT NULL
);
INSERT INTO "notice_turns" VALUES('prc_01a22269c0e875619cb9f6c33f1f6186',1795873686208);
CREATE TABLE number_blocks (
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- The number, blindly.
    phone_key TEXT NOT NULL,
    decision_id TEXT NOT NULL REFERENCES identity_decisions (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (practice_id, phone_key, decision_id)
);
CREATE TABLE opt_outs (
    sender TEXT NOT NULL,
    phone_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (sender, phone_key)
);
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    topic TEXT NOT NULL,
    dedupe_key TEXT NOT NULL UNIQUE,
    recipient TEXT,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'sent', 'dropped', 'dead')),
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    not_after BIGINT,
    lease_token TEXT,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
, ambiguous INTEGER NOT NULL DEFAULT 0, channel TEXT NOT NULL DEFAULT 'task'
    CHECK (channel IN ('sms', 'voice', 'email', 'webhook', 'task')));
INSERT INTO "outbox" VALUES('out_01a22269c1ce7fc299820b4375b78f6d','record_import','import:imp_01a22269c1ce7738b03a4b8a0dffdd10:0',NULL,'{"import":"imp_01a22269c1ce7738b03a4b8a0dffdd10","step":{"chunk":0}}','sent',1,1795873745970,NULL,NULL,NULL,1795873685966,1795873685982,0,'task');
INSERT INTO "outbox" VALUES('out_01a22269c1de77389e0b5eec3fea5112','record_import','import:imp_01a22269c1ce7738b03a4b8a0dffdd10:grade:',NULL,'{"import":"imp_01a22269c1ce7738b03a4b8a0dffdd10","step":{"grade":{"after":"","practice":"prc_01a22269c0e875619cb9f6c33f1f6186"}}}','sent',1,1795873745986,NULL,NULL,NULL,1795873685982,1795873685993,0,'task');
INSERT INTO "outbox" VALUES('out_01a22269c1e37e2dbe98169f87f62f55','invite_text','invite:QBCjgDzppnyvV7o4Y9WPwkD6F9xpVZ3HmbBiMOCtOys',NULL,'{"invite":"inv_01a22269c1e37e02899ff9e24b6fc28a","seed":"_frs2myrG-d_uz-vnVp82pRWALdS9NMxllnzNr9mrwE"}','queued',0,1795874400000,1796474885987,NULL,NULL,1795873685987,NULL,0,'sms');
INSERT INTO "outbox" VALUES('out_01a22269c1e37f9e957233fffbdeb57a','invite_mail','invite:9WvFlsqCM78TZyVke2E5LjYNZxjZrVBWrRONaPIyfMo',NULL,'{"invite":"inv_01a22269c1e37e02899ff9e24b6fc28a","seed":"_frs2myrG-d_uz-vnVp82pRWALdS9NMxllnzNr9mrwE"}','sent',1,1795873745994,1796474885987,NULL,NULL,1795873685987,1795873686001,0,'email');
INSERT INTO "outbox" VALUES('out_01a22269c1f1780d9499a3040c757dc3','verification_code','sms:ver_01a22269c1f17b2284a35affb51d0bb2:1',NULL,'{"epoch":0,"send":1,"verification":"ver_01a22269c1f17b2284a35affb51d0bb2"}','sent',1,1795873746006,1795874286001,NULL,NULL,1795873686001,1795873686010,0,'sms');
INSERT INTO "outbox" VALUES('out_01a22269c23576bc8b386e04b9bf6f66','notice_new_pairing','mail:pai_01a22269c23576258265265962973364:prc_01a22269c0e875619cb9f6c33f1f6186',NULL,'{"at":"2026-11-28T13:48:06.069Z","digest":null,"link":"lnk_01a22269c0e8787f9c01cf09b213341c","mailbox":"PqCMScUYLW1KLO7h6yExk9wQOzUmcF5eSOp1vc9ATBE","person":"prc_01a22269c0e875619cb9f6c33f1f6186","practice":"prc_01a22269c0e875619cb9f6c33f1f6186"}','sent',1,1795873746077,NULL,NULL,NULL,1795873686069,1795873686088,0,'email');
INSERT INTO "outbox" VALUES('out_01a22269c2357eb3b00aec9e71df10ce','webhook','hook:evt_01a22269c23576749d3d3b165f832919:whk_01a22269c1c9761499a49b780a86fe36',NULL,'{"delivery":"whd_01a22269c2357466b3ec07ded3a3e0b3","round":0}','queued',1,1795873691379,NULL,NULL,'unreachable',1795873686069,NULL,0,'webhook');
INSERT INTO "outbox" VALUES('out_01a22269c2357cf29f5f4f6f6214a1fb','identity_grade','grade:cnv_01a22269c23571fca3e71e17b52424e1:1795873686069',NULL,'{"conversation":"cnv_01a22269c23571fca3e71e17b52424e1"}','sent',1,1795873746078,NULL,NULL,NULL,1795873686069,1795873686082,0,'task');
INSERT INTO "outbox" VALUES('out_01a22269c2607533beb0b81e0a7d33c6','verification_code','sms:ver_01a22269c26074d8bce549158366dce5:1',NULL,'{"epoch":0,"send":1,"verification":"ver_01a22269c26074d8bce549158366dce5"}','sent',1,1795873746117,1795874286112,NULL,NULL,1795873686112,1795873686122,0,'sms');
INSERT INTO "outbox" VALUES('out_01a22269c2a47e26abf4f42720f48f30','notice_new_pairing','mail:pai_01a22269c2a47a42b9841104244d65ec:prc_01a22269c0e875619cb9f6c33f1f6186',NULL,'{"at":"2026-11-28T13:48:06.180Z","digest":null,"link":"lnk_01a22269c0e8787f9c01cf09b213341c","mailbox":"PqCMScUYLW1KLO7h6yExk9wQOzUmcF5eSOp1vc9ATBE","person":"prc_01a22269c0e875619cb9f6c33f1f6186","practice":"prc_01a22269c0e875619cb9f6c33f1f6186"}','sent',1,1795873746188,NULL,NULL,NULL,1795873686180,1795873686203,0,'email');
INSERT INTO "outbox" VALUES('out_01a22269c2a47467a3348b80e81c44d8','webhook','hook:evt_01a22269c2a47211b18bfee91a10e104:whk_01a22269c1c9761499a49b780a86fe36',NULL,'{"delivery":"whd_01a22269c2a47acfb107a8af4cbff916","round":0}','queued',1,1795873691834,NULL,NULL,'unreachable',1795873686180,NULL,0,'webhook');
INSERT INTO "outbox" VALUES('out_01a22269c2a476c9966669381f72aedf','identity_grade','grade:cnv_01a22269c2a476778bb541c93738c766:1795873686180',NULL,'{"conversation":"cnv_01a22269c2a476778bb541c93738c766"}','sent',1,1795873746189,NULL,NULL,NULL,1795873686180,1795873686194,0,'task');
CREATE TABLE pairing_links (
    pairing_id TEXT NOT NULL REFERENCES pairings (id),
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (pairing_id, link_id)
);
INSERT INTO "pairing_links" VALUES('pai_01a22269c23576258265265962973364','lnk_01a22269c0e8787f9c01cf09b213341c',1795873686069);
INSERT INTO "pairing_links" VALUES('pai_01a22269c2a47a42b9841104244d65ec','lnk_01a22269c0e8787f9c01cf09b213341c',1795873686180);
CREATE TABLE pairings (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    patient_id TEXT NOT NULL REFERENCES patients (id),
    practice_id TEXT NOT NULL REFERENCES practices (id),
    link_id TEXT REFERENCES practice_links (id),
    session_id TEXT NOT NULL,
    method TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
, owner TEXT NOT NULL DEFAULT 'practice', invite_id TEXT);
INSERT INTO "pairings" VALUES('pai_01a22269c23576258265265962973364','acc_01a22269c235740fae394e0c1f633416','pat_01a22269c2357f52a8368bc73428d5b5','prc_01a22269c0e875619cb9f6c33f1f6186','lnk_01a22269c0e8787f9c01cf09b213341c','ses_01a22269c23576cb90508396ebb3a0b3','typed',1795873686069,NULL,'practice',NULL);
INSERT INTO "pairings" VALUES('pai_01a22269c2a47a42b9841104244d65ec','acc_01a22269c2a479538ed745aaf6305012','pat_01a22269c2a478369f969138da6626ca','prc_01a22269c0e875619cb9f6c33f1f6186','lnk_01a22269c0e8787f9c01cf09b213341c','ses_01a22269c2a479d4aebae77c34095768','typed',1795873686180,NULL,'practice',NULL);
CREATE TABLE patient_records (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- The practice's own record number.
    number TEXT NOT NULL,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    birth_date TEXT,
    phone TEXT,
    email TEXT,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL, import_id TEXT, search TEXT NOT NULL DEFAULT '',
    UNIQUE (practice_id, number)
);
INSERT INTO "patient_records" VALUES('rec_01a22269c1de722ca64cab7a6aaaf3c1','prc_01a22269c0e875619cb9f6c33f1f6186','1','Alex','Rivera','1987-05-31','+14155552671','alex@example.com',1,1795873685982,1795873685982,'imp_01a22269c1ce7738b03a4b8a0dffdd10',' rivera alex 1');
CREATE TABLE patients (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    birth_date TEXT,
    session_id TEXT NOT NULL,
    created_at BIGINT NOT NULL
, relation TEXT NOT NULL DEFAULT 'self'
    CHECK (relation IN ('self', 'child', 'parent', 'partner', 'ward', 'other')));
INSERT INTO "patients" VALUES('pat_01a22269c2357f52a8368bc73428d5b5','acc_01a22269c235740fae394e0c1f633416','Alex','Rivera','1987-05-31','ses_01a22269c23576cb90508396ebb3a0b3',1795873686069,'self');
INSERT INTO "patients" VALUES('pat_01a22269c24577e3ad374db54cf7d612','acc_01a22269c235740fae394e0c1f633416','Mia','Rivera',NULL,'ses_01a22269c23576cb90508396ebb3a0b3',1795873686085,'child');
INSERT INTO "patients" VALUES('pat_01a22269c2a478369f969138da6626ca','acc_01a22269c2a479538ed745aaf6305012','Ben','Rivera','1987-05-31','ses_01a22269c2a479d4aebae77c34095768',1795873686180,'self');
CREATE TABLE paused_channels (
    channel TEXT NOT NULL PRIMARY KEY CHECK (channel IN ('sms', 'voice', 'email', 'webhook')),
    reason TEXT NOT NULL,
    paused_at BIGINT NOT NULL,
    try_at BIGINT NOT NULL,
    -- Some accounts are refused only after the provider took the message: then a receipt alone opens it again.
    needs_receipt BOOLEAN NOT NULL
);
CREATE TABLE pending_pairings (
    id TEXT NOT NULL PRIMARY KEY,
    phone_key TEXT NOT NULL,
    link_id TEXT NOT NULL REFERENCES practice_links (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, taken_by TEXT, proven_at BIGINT,
    UNIQUE (phone_key, link_id)
);
CREATE TABLE practice_links (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    code TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL,
    tags TEXT NOT NULL,
    welcome TEXT,
    state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'retired', 'closed')),
    is_default BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
, owner TEXT NOT NULL DEFAULT 'practice', assignee_id TEXT REFERENCES staff (id), discreet BOOLEAN NOT NULL DEFAULT FALSE, forward_id TEXT REFERENCES practice_links (id));
INSERT INTO "practice_links" VALUES('lnk_01a22269c0e8787f9c01cf09b213341c','prc_01a22269c0e875619cb9f6c33f1f6186','123456','Demo flyer','["demo"]','Welcome to Oak Street Family Medicine. How can we help?','active',1,1795873685736,'practice',NULL,0,NULL);
INSERT INTO "practice_links" VALUES('lnk_01a22269c1b4724686c68e912e943d2c','prc_01a22269c0e875619cb9f6c33f1f6186','827983','Poster','["poster"]',NULL,'active',0,1795873685940,'tem_01a22269c1af7032aff300f977549eeb',NULL,0,NULL);
INSERT INTO "practice_links" VALUES('lnk_01a22269c1ba73b1b1fab3997ae0e6e1','prc_01a22269c0e875619cb9f6c33f1f6186','671414','Own','[]',NULL,'retired',0,1795873685946,'stf_01a22269c1a07eaabbf9c81949fb7afd','stf_01a22269c1a07eaabbf9c81949fb7afd',0,NULL);
CREATE TABLE practices (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    city TEXT NOT NULL,
    plan TEXT NOT NULL CHECK (plan IN ('basic', 'communicator')),
    language TEXT NOT NULL CHECK (language IN ('en', 'es')),
    time_zone TEXT NOT NULL,
    notice_email TEXT,
    state TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'closed')),
    created_at BIGINT NOT NULL
, logo BYTEA, logo_type TEXT, accent TEXT, countries TEXT, logo_version TEXT);
INSERT INTO "practices" VALUES('prc_01a22269c0e875619cb9f6c33f1f6186','Oak Street Family Medicine','Springfield','communicator','en','America/Chicago','frontdesk@oakstreet.example','active',1795873685736,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE record_imports (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    -- Who handed the file in.
    actor TEXT NOT NULL,
    format TEXT NOT NULL CHECK (format IN ('csv', 'ndjson', 'bundle')),
    mode TEXT NOT NULL CHECK (mode IN ('merge', 'replace')),
    -- How the file is read: JSON.
    options TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    -- The practice while the import is open: one at a time.
    open_key TEXT UNIQUE,
    rows_total BIGINT NOT NULL,
    rows_done BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    -- Records that a whole list left out.
    retired BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
, active_before BIGINT, left_out BIGINT NOT NULL DEFAULT 0, unread BIGINT NOT NULL DEFAULT 0);
INSERT INTO "record_imports" VALUES('imp_01a22269c1ce7738b03a4b8a0dffdd10','prc_01a22269c0e875619cb9f6c33f1f6186','stf_01a22269c1937ee1a0e0e84bb785830d','csv','merge','{"mode":"merge","may_retire_most":false,"may_skip_unread":false,"region":"US","day_first":false,"encoding":"auto","delimiter":44,"columns":[{"index":0,"heading":"MRN","field":"number"},{"index":1,"heading":"First","field":"given_name"},{"index":2,"heading":"Last","field":"family_name"},{"index":3,"heading":"Date of birth","field":"birth_date"},{"index":4,"heading":"Mobile","field":"phone"},{"index":5,"heading":"E-mail","field":"email"}],"system":null}','done',NULL,1,1,1,0,0,0,0,1795873685966,1795873685982,NULL,0,0);
CREATE TABLE record_values (
    record_id TEXT NOT NULL REFERENCES patient_records (id),
    kind TEXT NOT NULL CHECK (kind IN ('phone', 'email', 'name', 'birth_date')),
    value TEXT NOT NULL,
    practice_id TEXT NOT NULL,
    current BOOLEAN NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (record_id, kind, value)
);
INSERT INTO "record_values" VALUES('rec_01a22269c1de722ca64cab7a6aaaf3c1','phone','+14155552671','prc_01a22269c0e875619cb9f6c33f1f6186',1,1795873685982);
INSERT INTO "record_values" VALUES('rec_01a22269c1de722ca64cab7a6aaaf3c1','email','alex@example.com','prc_01a22269c0e875619cb9f6c33f1f6186',1,1795873685982);
INSERT INTO "record_values" VALUES('rec_01a22269c1de722ca64cab7a6aaaf3c1','name','Alex	Rivera','prc_01a22269c0e875619cb9f6c33f1f6186',1,1795873685982);
INSERT INTO "record_values" VALUES('rec_01a22269c1de722ca64cab7a6aaaf3c1','birth_date','1987-05-31','prc_01a22269c0e875619cb9f6c33f1f6186',1,1795873685982);
CREATE TABLE refresh_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES account_sessions (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
INSERT INTO "refresh_tokens" VALUES('s_Q7fdDY5-OdTVleO8JSaauLr9bFDouo4hK0sde2Doo','ses_01a22269c23576cb90508396ebb3a0b3',1795873686069,1803649686069,NULL);
INSERT INTO "refresh_tokens" VALUES('d-UnKQVhMi8mhHmJS13Qo7FpxsEYOsJssXpzYc7FNF0','ses_01a22269c2a479d4aebae77c34095768',1795873686180,1803649686180,NULL);
CREATE TABLE staff (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member', 'support')),
    state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at BIGINT NOT NULL
, password_hash TEXT, password_at BIGINT, totp_secret TEXT, totp_step BIGINT, enrolled_at BIGINT);
INSERT INTO "staff" VALUES('stf_01a22269c1937ee1a0e0e84bb785830d','prc_01a22269c0e875619cb9f6c33f1f6186','ana@elm.example','ana','admin','active',1795873685907,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "staff" VALUES('stf_01a22269c1a07eaabbf9c81949fb7afd','prc_01a22269c0e875619cb9f6c33f1f6186','bo@elm.example','bo','member','active',1795873685920,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE staff_challenges (
    hash TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    new_secret TEXT,
    attempts INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE TABLE staff_letters (
    hash TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    purpose TEXT NOT NULL CHECK (purpose IN ('invitation', 'reset')),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
INSERT INTO "staff_letters" VALUES('32TJSmzm01QC9QgAiUkksIAU3awijByttx9gToOresQ','stf_01a22269c1937ee1a0e0e84bb785830d','invitation',1795873685907,1796478485907,NULL);
INSERT INTO "staff_letters" VALUES('wdyCfc_ww9tSFA2Uu6kvBOb8gdrwKcwqnMrYAGMXelk','stf_01a22269c1a07eaabbf9c81949fb7afd','invitation',1795873685920,1796478485920,NULL);
CREATE TABLE staff_recovery_codes (
    hash TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE TABLE staff_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    staff_id TEXT NOT NULL REFERENCES staff (id),
    kind TEXT NOT NULL CHECK (kind IN ('api', 'console')),
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);
CREATE TABLE staff_throttles (
    key TEXT NOT NULL PRIMARY KEY,
    fails INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE TABLE staff_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES staff_sessions (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE TABLE team_members (
    team_id TEXT NOT NULL REFERENCES teams (id),
    staff_id TEXT NOT NULL REFERENCES staff (id),
    PRIMARY KEY (team_id, staff_id)
);
INSERT INTO "team_members" VALUES('tem_01a22269c1af7032aff300f977549eeb','stf_01a22269c1a07eaabbf9c81949fb7afd');
CREATE TABLE teams (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (practice_id, name)
);
INSERT INTO "teams" VALUES('tem_01a22269c1af7032aff300f977549eeb','prc_01a22269c0e875619cb9f6c33f1f6186','Front desk',1795873685935);
CREATE TABLE verifications (
    id TEXT NOT NULL PRIMARY KEY,
    client_secret_hash TEXT NOT NULL,
    phone TEXT,
    phone_key TEXT NOT NULL,
    country TEXT NOT NULL,
    can_text BOOLEAN NOT NULL,
    link_id TEXT REFERENCES practice_links (id),
    practice_id TEXT REFERENCES practices (id),
    language TEXT NOT NULL CHECK (language IN ('en', 'es')),
    app_hash TEXT,
    key_id TEXT NOT NULL,
    nonce BYTEA NOT NULL,
    epoch INTEGER NOT NULL,
    code_expires_at BIGINT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('sms', 'voice')),
    delivery TEXT NOT NULL CHECK (delivery IN ('queued', 'sent', 'delivered', 'failed')),
    sends INTEGER NOT NULL,
    next_sms_at BIGINT,
    next_call_at BIGINT NOT NULL,
    checks INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    verified_at BIGINT,
    proof_hash TEXT UNIQUE,
    proof_expires_at BIGINT,
    proof_consumed_at BIGINT,
    proof_account_id TEXT,
    proof_pairing_id TEXT
, can_call BOOLEAN NOT NULL DEFAULT TRUE, proof_session_id TEXT);
INSERT INTO "verifications" VALUES('ver_01a22269c1f17b2284a35affb51d0bb2','2qwADiycy3JWlVFFvrGr9ZXBXVBrVfHxrWEYOVwE_vg','+14155552671','efF5g0ZrUGCaEFnIgj5w88p2jLwBhFvNVIl7d0x_xCI','US',1,'lnk_01a22269c0e8787f9c01cf09b213341c','prc_01a22269c0e875619cb9f6c33f1f6186','en',NULL,'k1795873685646',X'AA08C77D81F670A8155C32B9E35C6459',0,1795874286001,'sms','sent',1,1795873716001,1795873746001,1,1795873686001,1795875486001,1795873686064,'-nfieXrEDBW4ftJFQY95DKwC0GuEWXeDZuKcebwAwrA',1795874286064,1795873686069,'acc_01a22269c235740fae394e0c1f633416','pai_01a22269c23576258265265962973364',1,'ses_01a22269c23576cb90508396ebb3a0b3');
INSERT INTO "verifications" VALUES('ver_01a22269c26074d8bce549158366dce5','eMuCgz8YhJQtzeSBeh8Obd1Pecaevn7AFo_6A1oin5M','+14155552673','mGJ_8l8_0GqhINR_n7v6QIdizbKY-I1ZUGvFZhdOmj0','US',1,'lnk_01a22269c0e8787f9c01cf09b213341c','prc_01a22269c0e875619cb9f6c33f1f6186','en',NULL,'k1795873685646',X'3826F040820313BC9CE6955FF96EC49B',0,1795874286112,'sms','sent',1,1795873716112,1795873746112,1,1795873686112,1795875486112,1795873686175,'n-F0S0_vN0EgMv9fw5urWCjRFRavXoSfyrR26jekICU',1795874286175,1795873686180,'acc_01a22269c2a479538ed745aaf6305012','pai_01a22269c2a47a42b9841104244d65ec',1,'ses_01a22269c2a479d4aebae77c34095768');
CREATE TABLE webhook_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
    event_id TEXT NOT NULL REFERENCES webhook_events (id),
    state TEXT NOT NULL CHECK (state IN ('queued', 'delivered', 'failed')),
    attempts INTEGER NOT NULL,
    last_outcome TEXT,
    replays INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
);
INSERT INTO "webhook_deliveries" VALUES('whd_01a22269c2357466b3ec07ded3a3e0b3','whk_01a22269c1c9761499a49b780a86fe36','evt_01a22269c23576749d3d3b165f832919','queued',1,'unreachable',0,1795873686069,NULL);
INSERT INTO "webhook_deliveries" VALUES('whd_01a22269c2a47acfb107a8af4cbff916','whk_01a22269c1c9761499a49b780a86fe36','evt_01a22269c2a47211b18bfee91a10e104','queued',1,'unreachable',0,1795873686180,NULL);
CREATE TABLE webhook_endpoints (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    url TEXT NOT NULL,
    label TEXT NOT NULL,
    events TEXT NOT NULL,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_secret_until BIGINT,
    state TEXT NOT NULL CHECK (state IN ('active', 'disabled', 'deleted')),
    disabled_reason TEXT,
    created_at BIGINT NOT NULL
);
INSERT INTO "webhook_endpoints" VALUES('whk_01a22269c1c9761499a49b780a86fe36','prc_01a22269c0e875619cb9f6c33f1f6186','https://hooks.example.org/in','Software','["pairing.created"]','GwH88nyCrB/mBxGOXeR0AjFHFuC5XVAogOd1CjgaFkrAPNrR6IG1bfDSVUVCe/j1Pwf57YK8FNo8+TVk',NULL,NULL,'active',NULL,1795873685961);
CREATE TABLE webhook_events (
    id TEXT NOT NULL PRIMARY KEY,
    practice_id TEXT NOT NULL REFERENCES practices (id),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO "webhook_events" VALUES('evt_01a22269c23576749d3d3b165f832919','prc_01a22269c0e875619cb9f6c33f1f6186','pairing.created','{"type":"pairing.created","timestamp":"2026-11-28T13:48:06.069Z","data":{"pairing_id":"pai_01a22269c23576258265265962973364","conversation_id":"cnv_01a22269c23571fca3e71e17b52424e1","patient_id":"pat_01a22269c2357f52a8368bc73428d5b5","link_id":"lnk_01a22269c0e8787f9c01cf09b213341c","method":"typed"}}',1795873686069);
INSERT INTO "webhook_events" VALUES('evt_01a22269c2a47211b18bfee91a10e104','prc_01a22269c0e875619cb9f6c33f1f6186','pairing.created','{"type":"pairing.created","timestamp":"2026-11-28T13:48:06.180Z","data":{"pairing_id":"pai_01a22269c2a47a42b9841104244d65ec","conversation_id":"cnv_01a22269c2a476778bb541c93738c766","patient_id":"pat_01a22269c2a478369f969138da6626ca","link_id":"lnk_01a22269c0e8787f9c01cf09b213341c","method":"typed"}}',1795873686180);
CREATE INDEX practice_links_practice ON practice_links (practice_id);
CREATE INDEX verifications_created ON verifications (created_at);
CREATE INDEX budgets_expiry ON budgets (expires_at);
CREATE INDEX patients_account ON patients (account_id);
CREATE INDEX account_sessions_account ON account_sessions (account_id);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX pairings_account ON pairings (account_id, created_at);
CREATE INDEX deliveries_outbox ON deliveries (outbox_id, attempt);
CREATE INDEX caught_messages_recipient ON caught_messages (recipient, created_at);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
CREATE INDEX audit_events_practice ON audit_events (practice_id, created_at);
CREATE INDEX staff_practice ON staff (practice_id);
CREATE UNIQUE INDEX practice_links_default ON practice_links (practice_id) WHERE is_default;
CREATE INDEX practice_links_length ON practice_links (length(code));
CREATE UNIQUE INDEX pairings_once ON pairings (patient_id, practice_id, owner) WHERE ended_at IS NULL;
CREATE INDEX pending_pairings_expiry ON pending_pairings (expires_at);
CREATE INDEX funnel_events_open ON funnel_events (id) WHERE batch IS NULL;
CREATE INDEX funnel_events_link ON funnel_events (link_id, at);
CREATE INDEX funnel_events_at ON funnel_events (at);
CREATE INDEX outbox_settled ON outbox (settled_at);
CREATE INDEX inbound_texts_age ON inbound_texts (created_at);
CREATE UNIQUE INDEX digests_once ON digests (person, link_id, due_at);
CREATE INDEX pairing_links_recent ON pairing_links (link_id, created_at);
CREATE INDEX bounced_mailboxes_person ON bounced_mailboxes (person);
CREATE INDEX webhook_endpoints_practice ON webhook_endpoints (practice_id, id);
CREATE INDEX webhook_events_age ON webhook_events (created_at);
CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (endpoint_id, event_id);
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (event_id);
CREATE INDEX mail_reports_age ON mail_reports (created_at);
CREATE INDEX mailed_age ON mailed (created_at);
CREATE INDEX staff_sessions_staff ON staff_sessions (staff_id);
CREATE INDEX staff_tokens_session ON staff_tokens (session_id);
CREATE INDEX staff_challenges_expiry ON staff_challenges (expires_at);
CREATE INDEX staff_recovery_codes_staff ON staff_recovery_codes (staff_id);
CREATE INDEX staff_letters_staff ON staff_letters (staff_id);
CREATE INDEX staff_throttles_expiry ON staff_throttles (expires_at);
CREATE INDEX conversations_inbox ON conversations (practice_id, last_entry_at, id);
CREATE INDEX conversations_of_link ON conversations (practice_id, link_id, last_entry_at, id);
CREATE INDEX conversations_of_assignee ON conversations (practice_id, assignee_id, last_entry_at, id);
CREATE INDEX conversations_unread ON conversations (practice_id, unread, last_entry_at, id);
CREATE INDEX conversations_by_identity ON conversations (practice_id, identity, last_entry_at, id);
CREATE INDEX conversation_tags_tag ON conversation_tags (tag, conversation_id);
CREATE INDEX live_events_age ON live_events (created_at);
CREATE INDEX live_events_seq ON live_events (seq, place, id);
CREATE INDEX live_events_practice ON live_events (practice_id, seq, place, id);
CREATE INDEX live_events_account ON live_events (account_id, seq, place, id);
CREATE UNIQUE INDEX audit_events_chain ON audit_events (chain, seq);
CREATE INDEX outbox_due ON outbox (channel, state, next_at);
CREATE INDEX conversations_to_verify ON conversations (practice_id, to_verify, identity_since, id);
CREATE UNIQUE INDEX identity_decisions_order ON identity_decisions (conversation_id, position);
CREATE INDEX record_values_lookup ON record_values (practice_id, kind, value, record_id);
CREATE INDEX patient_records_list ON patient_records (practice_id, search, id);
CREATE INDEX record_imports_list ON record_imports (practice_id, id);
CREATE INDEX invites_practice ON invites (practice_id, id);
CREATE INDEX invites_expiry ON invites (expires_at);
CREATE INDEX invite_imports_practice ON invite_imports (practice_id, id);
CREATE INDEX conversations_undecided ON conversations (practice_id, to_verify, id);
CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
        BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
        BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END;
COMMIT;
