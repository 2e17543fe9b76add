BEGIN TRANSACTION;
CREATE TABLE cursor (run_id text primary key, cursor text not null) without rowid;
INSERT INTO "cursor" VALUES('churn_1772000001_00000001','10:20:Completed');
INSERT INTO "cursor" VALUES('churn_1772000003_00000003','5');
CREATE TABLE event (
    number integer primary key, run_id text not null, origin text not null, seq integer not null,
    time real not null, kind text not null, data text not null,
    unique (run_id, origin, seq)
);
INSERT INTO "event" VALUES(1,'churn_1772000001_00000001','submit',0,1772000001.0,'step','{"step": "snapshot zip", "text": "1 files"}');
INSERT INTO "event" VALUES(2,'churn_1772000001_00000001','agent',0,1772000002.0,'state','{"state": "Running"}');
INSERT INTO "event" VALUES(3,'churn_1772000001_00000001','agent',1,1772000003.0,'metric','{"key": "rmse", "value": 0.25, "step": 0, "timestamp": 1772000003000}');
INSERT INTO "event" VALUES(4,'churn_1772000001_00000001','agent',2,1772000004.0,'metric','{"key": "loss", "value": "NaN", "step": 0, "timestamp": 1772000004000}');
INSERT INTO "event" VALUES(5,'churn_1772000001_00000001','agent',3,1772000005.0,'param','{"key": "alpha", "value": "0.5"}');
INSERT INTO "event" VALUES(6,'churn_1772000001_00000001','agent',4,1772000006.0,'tag','{"key": "stage", "value": "candidate"}');
INSERT INTO "event" VALUES(7,'churn_1772000001_00000001','agent',5,1772000007.0,'state','{"state": "Completed", "exit_code": 0}');
INSERT INTO "event" VALUES(8,'churn_1772000002_00000002','service',0,1772000008.0,'state','{"state": "Running"}');
INSERT INTO "event" VALUES(9,'churn_1772000002_00000002','service',1,1772000009.0,'state','{"state": "Failed", "exit_code": 3, "error": "no data"}');
INSERT INTO "event" VALUES(10,'churn_1772000003_00000003','agent',0,1772000009.5,'state','{"state": "Queued"}');
CREATE TABLE run (
    run_id text primary key, experiment text not null, target text not null, state text not null,
    created real not null, record text not null
) without rowid;
INSERT INTO "run" VALUES('churn_1772000001_00000001','churn','local','Completed',1772000001.0,'{"run_id": "churn_1772000001_00000001", "experiment": "churn", "target": "local", "state": "Completed", "created": 1772000001.0, "started": 1772000002.0, "ended": 1772000007.0, "exit_code": 0, "error": null, "script": "train.py", "arguments": ["--alpha", "0.5"], "metrics": {"rmse": 0.25, "loss": NaN}, "params": {"alpha": "0.5"}, "tags": {"team": "ml", "note": "na\u00efve \u201cquotes\u201d ''n'' all", "stage": "candidate"}, "properties": {"ContentSnapshotId": "ab12"}, "outputs": "/home/me/.aml/outputs/1", "handle": "h1", "stack": "local"}');
INSERT INTO "run" VALUES('churn_1772000002_00000002','other','cpu','Failed',1772000002.0,'{"run_id": "churn_1772000002_00000002", "experiment": "other", "target": "cpu", "state": "Failed", "created": 1772000002.0, "started": 1772000008.0, "ended": 1772000009.0, "exit_code": 3, "error": "no data", "script": "train.py", "arguments": [], "metrics": {}, "params": {}, "tags": {"team": "ml"}, "properties": {}, "outputs": null, "handle": null, "stack": "dev"}');
INSERT INTO "run" VALUES('churn_1772000003_00000003','churn','local','Queued',1772000003.0,'{"run_id": "churn_1772000003_00000003", "experiment": "churn", "target": "local", "state": "Queued", "created": 1772000003.0, "started": null, "ended": null, "exit_code": null, "error": null, "script": "train.py", "arguments": [], "metrics": {}, "params": {}, "tags": {}, "properties": {}, "outputs": null, "handle": null, "stack": "local"}');
CREATE INDEX run_created on run (created);
COMMIT;
PRAGMA user_version = 1;
