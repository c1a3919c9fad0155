-- Whether reads answer the same again. Told by few, on their users' wish: senders that do not tell leave both out.

ALTER TABLE spans
ADD COLUMN IF NOT EXISTS result UInt32 COMMENT 'Keyed hash of the rows a read answered; 0 when not told' AFTER parameters;

ALTER TABLE spans
ADD COLUMN IF NOT EXISTS is_partial_result UInt8 COMMENT '1 when only the first rows are in that hash: different ones differ, equal ones may still differ' AFTER result;
